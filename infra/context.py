"""Keys of the CDK context that commands pass to the app, in addition to stage settings."""

FIRST_DEPLOY = "keywright:first-deploy"
"""Set by `keywright deploy` when it creates a stack; see `Stage.first_deploy` in infra/stage.py."""
