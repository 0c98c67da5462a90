"""What the strategies that speak plain HTTP share: the session, one exchange, the deadline, the network's errors."""
