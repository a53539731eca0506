"""The rooms behind Kurma's front door: set-up, images, platforms, runs, costs, tests."""
