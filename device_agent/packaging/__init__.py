"""Files for the machine that the agent is installed on."""
