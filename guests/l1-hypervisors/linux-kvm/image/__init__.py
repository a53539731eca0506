"""The parts of build-image."""
