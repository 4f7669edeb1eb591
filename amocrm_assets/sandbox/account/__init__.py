"""The sandbox's account, computed from its options and the time: leads, their changes, small lists."""
