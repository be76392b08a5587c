"""The cost model: dated hourly rates per team and fixed costs per activity."""
