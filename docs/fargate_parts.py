"""The parts of bootstrap/fargate/<service>.yaml. `@{…}` are the places that `docs/fargate.py` fills."""

# ruff: noqa: E501 lines of YAML

HEAD = """\
# How the containers of @{service} run on AWS. `make docs` writes it from services/@{service}/service.toml.
# bootstrap/fargate/network.yaml is deployed before. docs/aws.md says how.
AWSTemplateFormatVersion: "2010-09-09"
Description: "Shopwire, @{service}: its containers"

Parameters:
  Shop:
    Type: String
    Default: shopwire
    AllowedPattern: "[a-z][a-z0-9-]{0,39}"
  Where:
    Type: String
    Default: aws
    AllowedValues: [aws, emulator]
    Description: "MiniStack has no Application Auto Scaling"
  Image:
    Type: String
    AllowedPattern: ".+@sha256:[0-9a-f]{64}"
    Description: "The image of the service by its digest, which never means another image"
  Architecture:
    Type: String
    Default: ARM64
    AllowedValues: [ARM64, X86_64]
  Tables:
    Type: String
    Default: ""
    Description: "Tables that take the place of others. Their roles must allow them"
  MostTasks:
    Type: Number
    Default: 10
    Description: "How many tasks of one process may run"
  # What follows are the outputs of network.yaml, or what your own network has.
  Subnets:
    Type: List<AWS::EC2::Subnet::Id>
  TaskGroup:
    Type: AWS::EC2::SecurityGroup::Id
  Vpc:
    Type: AWS::EC2::VPC::Id
  Listener:
    Type: String
  Namespace:
    Type: String
@{public}\
  # What follows are settings of web processes.
  WebTasks:
    Type: Number
    Default: 2
    Description: "The least number of tasks: one in each availability zone"
  Auth:
    Type: String
    AllowedValues: ["on", "off"]
  AuthIssuer:
    Type: String
    Default: ""
  AuthAudience:
    Type: String
    Default: ""
  AuthJwks:
    Type: String
    Default: ""
  CorsOrigins:
    Type: String
    Default: ""
  RateLimit:
    Type: String
    Default: ""
@{relays}
Conditions:
  OnAws: !Equals [!Ref Where, aws]
@{segments}
Resources:
  # With this, ECS fetches the image and writes the logs. The role of a process has only what its own code calls.
  ExecutionRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: ecs-tasks.amazonaws.com}, Action: "sts:AssumeRole"}]
      Policies:
        - PolicyName: start
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - {Effect: Allow, Action: "ecr:GetAuthorizationToken", Resource: "*"}
              - Effect: Allow
                Action: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
                Resource: !Sub arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/${Shop}/@{service}
              - Effect: Allow
                Action: ["logs:CreateLogStream", "logs:PutLogEvents"]
                Resource: !Sub arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/${Shop}/@{service}*
@{session_key}"""

PUBLIC = """\
  Address:
    Type: String
"""

RELAYS = """\
  Relays:
    Type: Number
    Default: 1
    MinValue: 1
    MaxValue: 4
    Description: "How many relays share the outbox. All run in one task, so no segment is without its relay."
"""

SEGMENTS = """\
  With2Relays: !Not [!Equals [!Ref Relays, "1"]]
  With3Relays: !Or [!Equals [!Ref Relays, "3"], !Equals [!Ref Relays, "4"]]
  With4Relays: !Equals [!Ref Relays, "4"]
"""

MAKE_SESSION_KEY = """\
              - {Effect: Allow, Action: "secretsmanager:GetSecretValue", Resource: !Ref SessionKey}

  SessionKey:
    Type: AWS::SecretsManager::Secret
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      Name: !Sub ${Shop}/@{service}/session-key
      Description: "SHOP_SESSION_KEY, which signs cookies"
      GenerateSecretString: {PasswordLength: 48, ExcludePunctuation: true}
"""

ROLE = """
  @{Name}Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: ecs-tasks.amazonaws.com}, Action: "sts:AssumeRole"}]
      Policies:
        - PolicyName: own
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
"""

ALLOW = """\
              - Effect: Allow
                Action: [@{actions}]
                Resource: !Sub arn:${AWS::Partition}:@{arn}
"""

TASK = """
  @{Name}Log:
    Type: AWS::Logs::LogGroup
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties: {LogGroupName: !Sub "/${Shop}/@{name}", RetentionInDays: 30}

  @{Name}Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: !Sub ${Shop}-@{name}
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      Cpu: "256"
      Memory: "512"
      RuntimePlatform: {CpuArchitecture: !Ref Architecture, OperatingSystemFamily: LINUX}
      ExecutionRoleArn: !GetAtt ExecutionRole.Arn
"""

TASK_ROLE = """\
      TaskRoleArn: !GetAtt @{Name}Role.Arn
"""

CONTAINER = """\
Name: @{container}
Image: !Ref Image
Essential: true
ReadonlyRootFilesystem: true
StopTimeout: 30
LinuxParameters: {InitProcessEnabled: true, Capabilities: {Drop: [ALL]}}
LogConfiguration:
  LogDriver: awslogs
  # While CloudWatch takes no lines, 4 MB of them wait, more are dropped, and the process goes on.
  Options:
    awslogs-group: !Ref @{Name}Log
    awslogs-region: !Ref AWS::Region
    awslogs-stream-prefix: @{name}
    mode: non-blocking
    max-buffer-size: 4m
Environment:
  - {Name: AWS_REGION, Value: !Ref AWS::Region}
  - {Name: SHOP_NAME, Value: !Ref Shop}
  - {Name: SHOP_TABLES, Value: !Ref Tables}
  - {Name: LOG_FORMAT, Value: json}
  - {Name: SHOP_METRICS, Value: "10"}
  - {Name: RES_OPTIONS, Value: "timeout:1 attempts:2"} # a name that nobody resolves takes 2 s, not 10
"""

WORKER = """\
Command: [python, -m, @{module}]
"""

# The load balancer and Service Connect are trusted proxies. Their addresses are those of the network, or of the task.
WEB = """\
  - {Name: SHOP_AUTH, Value: !Ref Auth}
  - {Name: AUTH_ISSUER, Value: !Ref AuthIssuer}
  - {Name: AUTH_AUDIENCE, Value: !Ref AuthAudience}
  - {Name: AUTH_JWKS, Value: !Ref AuthJwks}
  - {Name: SHOP_CORS_ORIGINS, Value: !Ref CorsOrigins}
  - {Name: SHOP_RATE_LIMIT, Value: !Ref RateLimit}
  - {Name: SHOP_TRUSTED_PROXIES, Value: "127.0.0.1 10.0.0.0/16"} # Service Connect, and the network of network.yaml
@{urls}\
PortMappings: [{Name: @{name}, ContainerPort: 8000, AppProtocol: http}]
HealthCheck:
  Command: [CMD, python, -c, "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/live', timeout=4)"]
  Interval: 10
  Timeout: 5
  Retries: 3
  StartPeriod: 60
"""

SESSION_KEY = """\
Secrets: [{Name: SHOP_SESSION_KEY, ValueFrom: !Ref SessionKey}]
"""

BALANCED = """
  @{Name}Targets:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      TargetType: ip
      Protocol: HTTP
      Port: 8000
      VpcId: !Ref Vpc
      HealthCheckPath: /health/live # not ready: an outage of DynamoDB must not end every task
      HealthCheckIntervalSeconds: 10
      HealthyThresholdCount: 2
      TargetGroupAttributes: [{Key: deregistration_delay.timeout_seconds, Value: "15"}]

  @{Name}Route:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: @{priority}
      Conditions: [{Field: path-pattern, PathPatternConfig: {Values: [@{paths}]}}]
      Actions: [{Type: forward, TargetGroupArn: !Ref @{Name}Targets}]
"""

SERVICE = """
  @{Name}Service:
    Type: AWS::ECS::Service
    Properties:
      ServiceName: @{name}
      Cluster: !Ref Shop
      TaskDefinition: !Ref @{Name}Task
      LaunchType: FARGATE
      NetworkConfiguration:
        AwsvpcConfiguration: {Subnets: !Ref Subnets, SecurityGroups: [!Ref TaskGroup], AssignPublicIp: ENABLED}
      EnableECSManagedTags: true
      PropagateTags: SERVICE
"""

# Two relays of a segment would publish each event twice, so a new one starts after the old one has ended.
ONE = """\
      DesiredCount: 1
      AvailabilityZoneRebalancing: DISABLED # it would need a second task
      DeploymentConfiguration:
        DeploymentCircuitBreaker: {Enable: true, Rollback: true}
        MinimumHealthyPercent: 0 # a second task would publish each event twice
        MaximumPercent: 100
"""

MANY = """\
      AvailabilityZoneRebalancing: ENABLED
      DeploymentConfiguration:
        DeploymentCircuitBreaker: {Enable: true, Rollback: true}
        MinimumHealthyPercent: 100
        MaximumPercent: 200
"""

SERVED = """\
      HealthCheckGracePeriodSeconds: 60
      LoadBalancers: [{ContainerName: @{name}, ContainerPort: 8000, TargetGroupArn: !Ref @{Name}Targets}]
      ServiceConnectConfiguration:
        Enabled: true
        Namespace: !Ref Namespace
"""

CALLED = """\
        # The proxy has a port of its own, so that requests of the load balancer do not pass through it.
        Services:
          - PortName: @{name}
            DiscoveryName: @{name}
            IngressPortOverride: 8100
            ClientAliases: [{DnsName: @{name}, Port: 8000}]
"""

AFTER_ROUTE = """\
    DependsOn: @{Name}Route
"""

SCALING = """
  @{Name}Scaling:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Condition: OnAws
    Properties:
      ServiceNamespace: ecs
      ScalableDimension: ecs:service:DesiredCount
      ResourceId: !Sub service/${Shop}/${@{Name}Service.Name}
      MinCapacity: @{least}
      MaxCapacity: !Ref MostTasks

  @{Name}Policy:
    Type: AWS::ApplicationAutoScaling::ScalingPolicy
    Condition: OnAws
    Properties:
      PolicyName: @{name}
      PolicyType: TargetTrackingScaling
      ScalingTargetId: !Ref @{Name}Scaling
      TargetTrackingScalingPolicyConfiguration:
"""

BUSY = """\
        TargetValue: 60 # percent
        PredefinedMetricSpecification: {PredefinedMetricType: ECSServiceAverageCPUUtilization}
"""

BACKLOG = """\
        TargetValue: 300 # messages for a task, which handles some fifty a second
        CustomizedMetricSpecification:
          Metrics:
            - Id: waiting
              ReturnData: false
              MetricStat:
                Stat: Average
                Metric:
                  Namespace: AWS/SQS
                  MetricName: ApproximateNumberOfMessagesVisible
                  Dimensions: [{Name: QueueName, Value: !Sub "${Shop}-@{queue}"}]
            # Each busy task writes six lines a minute (SHOP_METRICS). Container Insights would count tasks for much more money.
            - Id: lines
              ReturnData: false
              MetricStat:
                Stat: SampleCount
                Metric:
                  Namespace: Shopwire
                  MetricName: ConsumerLoops
                  Dimensions: [{Name: Shop, Value: !Ref Shop}, {Name: Process, Value: @{name}}]
            - {Id: each, ReturnData: true, Label: backlog per task, Expression: "FILL(waiting, 0) / (FILL(lines, 6) / 6)"}
"""
