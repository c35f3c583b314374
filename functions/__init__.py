"""The Lambda functions: thin adapters around `churn_core`, one folder each."""
