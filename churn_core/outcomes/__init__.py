"""What happens after scoring: campaigns with a control group, and what they and the scores were worth."""
