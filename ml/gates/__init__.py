"""What a run must show before its offers reach readers."""
