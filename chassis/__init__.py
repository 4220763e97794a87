"""The microservice chassis: knows no show, no stage, no recording."""
