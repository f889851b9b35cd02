"""Rouge 胭脂: the system a beauty shop runs its customers on."""
