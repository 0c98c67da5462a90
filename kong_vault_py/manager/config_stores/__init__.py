"""Config Stores of a group, as Konnect's API has them: values go in sealed, and only nodes get them out."""
