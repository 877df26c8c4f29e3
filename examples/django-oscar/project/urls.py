"""No pages: the example is about data."""

urlpatterns: list = []
