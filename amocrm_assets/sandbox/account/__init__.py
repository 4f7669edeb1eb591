"""What the sandbox's account holds, computed from its options and the time: leads, their changes, small lists."""
