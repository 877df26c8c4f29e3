pytest_plugins = ["segrules.testing.plugin"]

#: A distribution of its own, installed and tested by test_real_plugin.py.
collect_ignore = ["plugin_shop"]
