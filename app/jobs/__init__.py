"""What the machine does by itself. What is due lies in our own tables: `schedule` says which named work a night wants,
`running` takes and does what is due, `kinds` holds the work itself, and `worker` is the process huey keeps awake."""
