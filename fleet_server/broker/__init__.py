"""The MQTT broker: mosquitto as a supervised child with TLS and access rules by certificate name."""
