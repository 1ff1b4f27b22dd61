"""Keys of the CDK's context that a command gives to the app, besides the settings of a stage."""

FIRST_DEPLOY = "keywright:first-deploy"
"""With which `keywright deploy` creates a stack; see `Stage.first_deploy` in infra/stage.py."""
