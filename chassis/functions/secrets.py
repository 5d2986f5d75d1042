"""Settings that are secret. Everybody who may look at a function sees its environment, so that has only their ARNs."""

from collections.abc import Callable, Mapping

from chassis.aws.clients import Clients, Timeouts

PREFIX, SUFFIX = "SHOP_", "_SECRET"
START = Timeouts(1.0, 2.0, 2)  # Lambda ends the start of an execution environment after 10 s
Read = Callable[[str], str]


def revealed(env: Mapping[str, str], read: Read) -> dict[str, str]:
    """With SHOP_X for each SHOP_X_SECRET, which has the ARN of a secret."""
    arns = {name.removesuffix(SUFFIX): env[name] for name in env if name.startswith(PREFIX) and name.endswith(SUFFIX)}
    return {**env, **{name: read(arn) for name, arn in arns.items()}}


def reader(env: Mapping[str, str]) -> Read:
    """Reads from Secrets Manager. Raises botocore's errors. Lambda then starts the function again when it is called."""
    return lambda arn: str(Clients(env).of("secretsmanager", START).get_secret_value(SecretId=arn)["SecretString"])
