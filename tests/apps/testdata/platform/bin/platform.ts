// An app with all that a deployment has to tell apart: Stages, accounts, regions, nested stacks, parameters, look-ups,
// macros, custom resources, bundled assets, values that AWS publishes, and a stack with nothing in it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  App, CfnElement, CfnOutput, CfnParameter, CustomResource, DockerImage, NestedStack, Stack, StackProps, Stage,
} from "aws-cdk-lib";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import {
  CfnLaunchTemplate, InterfaceVpcEndpoint, InterfaceVpcEndpointService, MachineImage, SecurityGroup, Vpc,
} from "aws-cdk-lib/aws-ec2";
import {
  ApplicationListener, ApplicationLoadBalancer, ApplicationTargetGroup, ListenerCondition, TargetType,
} from "aws-cdk-lib/aws-elasticloadbalancingv2";
import { Role } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import { Code, Function as Lambda, Runtime } from "aws-cdk-lib/aws-lambda";
import { ARecord, HostedZone, RecordTarget } from "aws-cdk-lib/aws-route53";
import { CfnFunction } from "aws-cdk-lib/aws-sam";
import { Topic } from "aws-cdk-lib/aws-sns";
import { ParameterValueType, StringParameter } from "aws-cdk-lib/aws-ssm";
import { Construct } from "constructs";

const auditAccount = "333344445555";
const auxiliaryAccount = "444455556666";
const latestImage = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-arm64";

class EdgeStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps) {
    super(scope, id, props);
    new Certificate(this, "Certificate", { domainName: "orders.example.com" });
  }
}

class TopicStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps) {
    super(scope, id, props);
    new Topic(this, "Topic");
  }
}

class ShopStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps) {
    super(scope, id, props);
    const owner = new CfnParameter(this, "Owner");
    const nested = new NestedStack(this, "Nested");
    const accepted = new Topic(nested, "Accepted", { displayName: this.node.getContext("displayName") });
    new StringParameter(this, "AcceptedName", { stringValue: accepted.topicName });
    new StringParameter(this, "OwnerName", { stringValue: owner.valueAsString });
    const handler = new Lambda(this, "Handler", {
      runtime: Runtime.NODEJS_22_X,
      handler: "index.handler",
      code: Code.fromAsset(__dirname, {
        bundling: {
          image: DockerImage.fromRegistry("none"),
          local: {
            tryBundle(folder: string): boolean {
              writeFileSync(join(folder, "index.js"), "exports.handler = async () => ({});\n");
              return true;
            },
          },
        },
      }),
    });
    new CustomResource(this, "Custom", { serviceToken: handler.functionArn });
  }
}

class Loop extends CfnElement {
  _toCloudFormation(): object {
    const topic = { Type: "AWS::SNS::Topic", Properties: { DisplayName: { Ref: "Name" } } };
    return { Resources: { "Fn::ForEach::Topics": ["Name", ["Red", "Blue"], { "Topic${Name}": topic }] } };
  }
}

class MacroStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps) {
    super(scope, id, props);
    this.addTransform("AWS::LanguageExtensions");
    new Loop(this, "Loop");
    new CfnFunction(this, "Function", {
      runtime: "nodejs22.x",
      handler: "index.handler",
      inlineCode: "exports.handler = async () => ({});",
    });
  }
}

class LookupStack extends Stack {
  constructor(scope: Construct, id: string, props: StackProps) {
    super(scope, id, props);
    const vpc = Vpc.fromLookup(this, "Network", { isDefault: true });
    const group = SecurityGroup.fromLookupByName(this, "Group", "orders", vpc);
    new Lambda(this, "Handler", {
      vpc,
      securityGroups: [group, new SecurityGroup(this, "OwnGroup", { vpc })],
      role: Role.fromLookup(this, "Role", { roleName: "orders" }),
      runtime: Runtime.NODEJS_22_X,
      handler: "index.handler",
      code: Code.fromInline("exports.handler = async () => ({});"),
    });
    const zone = HostedZone.fromLookup(this, "Zone", { domainName: "example.com" });
    new ARecord(this, "Record", { zone, target: RecordTarget.fromIpAddresses("192.0.2.1") });
    const tags = { loadBalancerTags: { team: "orders" } };
    const listener = ApplicationListener.fromLookup(this, "Listener", tags);
    const targets = new ApplicationTargetGroup(this, "Targets", { vpc, port: 80, targetType: TargetType.IP });
    const conditions = [ListenerCondition.pathPatterns(["/orders"])];
    listener.addTargetGroups("Rule", { targetGroups: [targets], priority: 1, conditions });
    const balancer = ApplicationLoadBalancer.fromLookup(this, "Balancer", tags);
    new StringParameter(this, "BalancerName", { stringValue: balancer.loadBalancerDnsName });
    new Topic(this, "Topic", {
      masterKey: Key.fromLookup(this, "Key", { aliasName: "alias/orders" }),
      displayName: StringParameter.valueFromLookup(this, "/orders/name"),
    });
    new InterfaceVpcEndpoint(this, "Endpoint", {
      vpc,
      service: new InterfaceVpcEndpointService("com.amazonaws.vpce.eu-west-1.vpce-svc-0123456789abcdef0"),
      lookupSupportedAzs: true,
    });
    new CfnLaunchTemplate(this, "Instances", {
      launchTemplateData: { imageId: MachineImage.lookup({ name: "orders-*" }).getImage(this).imageId },
    });
    const image = StringParameter.valueForTypedStringParameterV2(this, latestImage, ParameterValueType.AWS_EC2_IMAGE_ID);
    new CfnOutput(this, "Image", { value: image });
  }
}

const app = new App();
const env = { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION };
const edge = new EdgeStack(app, "Edge", { env: { ...env, region: "us-east-1" } });
new TopicStack(app, "Audit", { env: { ...env, account: auditAccount } });
new TopicStack(app, "Auxiliary", { env: { ...env, account: auxiliaryAccount } });
new ShopStack(new Stage(app, "Shop", { env }), "Web", {});
new MacroStack(app, "Macros", { env }).addDependency(edge);
new LookupStack(app, "Lookups", { env });
new Stack(app, "Empty", { env });
