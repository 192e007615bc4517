"""Replay a policy of retraining over history: what each way would have been worth."""
