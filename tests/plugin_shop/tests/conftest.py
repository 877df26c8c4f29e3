pytest_plugins = ["segrules.testing.plugin"]
