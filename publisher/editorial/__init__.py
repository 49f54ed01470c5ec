"""What goes to whom and when: pure judgement over posts, digests and slots."""
