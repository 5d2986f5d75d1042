"""Writes bootstrap/lambdas/*.yaml, the functions of each service, from the manifests. `make docs` renews them."""

from collections.abc import Iterator
from pathlib import Path

from bootstrap.manifests import Manifest, Process, manifests
from docs.fargate import arn
from shop.settings import ROOT

FOLDER = ROOT / "bootstrap" / "lambdas"
BATCHES = 2  # of one queue, at most, that are handled at once: five queues of a new account share ten executions
WEB, WORKER = 10, 25  # seconds: a web process answers within 5; a queue hides a message for 30
# A rule invokes each worker every minute: a relay sweeps its outbox, a consumer reports that it works.
TICK = '{"Records": []}'
TOKENS = {
    "SHOP_AUTH": "Auth",
    "AUTH_ISSUER": "AuthIssuer",
    "AUTH_AUDIENCE": "AuthAudience",
    "AUTH_JWKS": "AuthJwks",
}


def templates() -> dict[Path, str]:
    """The text of each file."""
    return {FOLDER / f"{each.service}.yaml": "".join(f"{line}\n" for line in _template(each)) for each in manifests()}


def _template(manifest: Manifest) -> Iterator[str]:
    web = [process for process in manifest.process if process.serve]
    workers = [process for process in manifest.process if process.run]
    yield f"# `make docs` writes this file from services/{manifest.service}/service.toml. docs/lambda.md explains it."
    yield 'AWSTemplateFormatVersion: "2010-09-09"'
    yield f'Description: "Shopwire, {manifest.service}: its processes as Lambda functions"'
    yield from _parameters(web)
    yield from ("", "Conditions:", '  WithTokens: !Equals [!Ref Auth, "on"]') if web else ()
    yield from ("", "Resources:")
    for process in manifest.process:
        yield from _function(process)
        yield from _url(process) if process.serve else _mapping(process)
    yield from _every_minute(manifest.service, workers) if workers else ()
    yield from ("", "Outputs:") if web else ()
    for process in web:
        yield "  Url:"
        yield "    Description: Without tokens, requests must be signed with AWS credentials"
        yield f"    Value: !GetAtt {_id(process)}Address.FunctionUrl"


def _parameters(web: list[Process]) -> Iterator[str]:
    yield from ("", "Parameters:")
    yield from _parameter("Shop", "The name of the shop, with which the name of every resource begins", "shopwire")
    yield '    AllowedPattern: "[A-Za-z][A-Za-z0-9-]{0,39}"'
    yield from _parameter("CodeBucket", "Where `up --run lambda` has put the zip of `shop package`")
    yield from _parameter("CodeKey", "The zip, by its hash: other code is another key")
    yield from _parameter("Architecture", "That of the compiled packages in the zip", "arm64")
    yield "    AllowedValues: [arm64, x86_64]"
    if web:
        yield from _parameter(
            "Auth", "Whether requests need a token. Without, their URL takes signed requests only", "on"
        )
        yield '    AllowedValues: ["on", "off"]'
        for name in ("AuthIssuer", "AuthAudience", "AuthJwks"):
            yield from _parameter(name, "See docs/aws.md, Users and tokens", "")
    if any(process.pages for process in web):
        yield from _parameter("SessionKey", "At least 16 random characters, with which cookies are signed")
        yield from ("    NoEcho: true", "    MinLength: 16")
    for name in sorted({name for process in web for name in process.urls}):
        yield from _parameter(_parameter_of(name), "The address of another service")


def _parameter(name: str, meaning: str, default: str | None = None) -> Iterator[str]:
    yield f"  {name}:"
    yield "    Type: String"
    if default is not None:
        yield f'    Default: "{default}"'
    yield f'    Description: "{meaning}"'


def _function(process: Process) -> Iterator[str]:
    own = _id(process)
    yield f"""
  {own}Logs:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: !Sub /aws/lambda/${{Shop}}-{process.name}
      RetentionInDays: 30

  {own}Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {{ Effect: Allow, Principal: {{ Service: lambda.amazonaws.com }}, Action: sts:AssumeRole }}
      Policies:
        - PolicyName: process
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: [logs:CreateLogStream, logs:PutLogEvents]
                Resource: !GetAtt {own}Logs.Arn"""
    for key, actions in process.allow.items():
        service = key.partition(":")[0]
        yield "              - Effect: Allow"
        yield f"                Action: [{', '.join(f'{service}:{action}' for action in actions)}]"
        yield f"                Resource: {_arn(key)}"
    if queue := _queue(process):
        yield "              # The event source mapping needs it, beside the consumer's own actions."
        yield "              - Effect: Allow"
        yield "                Action: sqs:GetQueueAttributes"
        yield f"                Resource: {_arn(queue)}"
    yield f"""
  {own}Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: !Sub ${{Shop}}-{process.name}
      Runtime: python3.13
      Architectures: [!Ref Architecture]
      Handler: chassis.functions.entry.handle
      Code: {{ S3Bucket: !Ref CodeBucket, S3Key: !Ref CodeKey }}
      MemorySize: 512
      Timeout: {WEB if process.serve else WORKER}
      Role: !GetAtt {own}Role.Arn
      LoggingConfig: {{ LogGroup: !Ref {own}Logs }}
      Environment:
        Variables:
          SHOP_NAME: !Ref Shop
          SHOP_FUNCTION: {process.module}
          LOG_LEVEL: INFO"""
    if process.serve:
        settings = TOKENS | ({"SHOP_SESSION_KEY": "SessionKey"} if process.pages else {})
        settings |= {name: _parameter_of(name) for name in process.urls}
        yield from (f"          {name}: !Ref {parameter}" for name, parameter in settings.items())


def _url(process: Process) -> Iterator[str]:
    own = _id(process)
    yield f"""
  {own}Address:
    Type: AWS::Lambda::Url
    Properties:
      TargetFunctionArn: !GetAtt {own}Function.Arn
      AuthType: !If [WithTokens, NONE, AWS_IAM]

  # A URL that anyone may call needs both permissions.
  {own}UrlPermission:
    Type: AWS::Lambda::Permission
    Condition: WithTokens
    Properties:
      FunctionName: !Ref {own}Function
      Action: lambda:InvokeFunctionUrl
      Principal: "*"
      FunctionUrlAuthType: NONE

  {own}InvokePermission:
    Type: AWS::Lambda::Permission
    Condition: WithTokens
    Properties:
      FunctionName: !Ref {own}Function
      Action: lambda:InvokeFunction
      Principal: "*"
      InvokedViaFunctionUrl: true"""


def _mapping(process: Process) -> Iterator[str]:
    """Messages of the queue. The dead-letter queue is that of the queue itself."""
    own = _id(process)
    if queue := _queue(process):
        yield f"""
  {own}Queue:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref {own}Function
      EventSourceArn: {_arn(queue)}
      BatchSize: 10
      FunctionResponseTypes: [ReportBatchItemFailures]
      ScalingConfig: {{ MaximumConcurrency: {BATCHES} }}"""


def _every_minute(service: str, workers: list[Process]) -> Iterator[str]:
    """The next tick repeats one that fails, so none is retried."""
    yield f"""
  # A relay sweeps its outbox. A consumer gets a batch without messages, and reports that it works.
  EveryMinute:
    Type: AWS::Events::Rule
    Properties:
      Name: !Sub ${{Shop}}-{service}-every-minute
      Description: "Invokes the workers of {service}"
      ScheduleExpression: rate(1 minute)
      State: ENABLED
      Targets:"""
    for process in workers:
        yield f"        - {{ Id: {process.name}, Arn: !GetAtt {_id(process)}Function.Arn, Input: '{TICK}' }}"
    for process in workers:
        own = _id(process)
        yield f"""
  {own}Permission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref {own}Function
      Action: lambda:InvokeFunction
      Principal: events.amazonaws.com
      SourceArn: !GetAtt EveryMinute.Arn

  {own}Retries:
    Type: AWS::Lambda::EventInvokeConfig
    Properties:
      FunctionName: !Ref {own}Function
      Qualifier: $LATEST
      MaximumRetryAttempts: 0
      MaximumEventAgeInSeconds: 60"""


def _id(process: Process) -> str:
    return process.name.title().replace("-", "")


def _parameter_of(setting: str) -> str:
    return setting.title().replace("_", "")


def _queue(process: Process) -> str | None:
    """The key of the queue that it consumes."""
    return next((key for key, actions in process.allow.items() if "ReceiveMessage" in actions), None)


def _arn(key: str) -> str:
    return f"!Sub arn:${{AWS::Partition}}:{arn(key)}"
