package stacks

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsrds"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
	"lockstep/infra/constructs"
)

// DatabaseProps are the properties of the database stack.
type DatabaseProps struct {
	config.Database
	// Network is the network of the database; nil for the existing one.
	Network         awsec2.IVpc
	ExistingNetwork config.Network
	Imports         config.Imports
	// LogDays is how many days the database's log is kept.
	LogDays int
}

const (
	databaseEngine = "aurora-postgresql"
	// databasePort is not PostgreSQL's default, which scanners try first.
	databasePort = 5433
	// backupWindow and maintenanceWindow are in UTC, at night, and do not overlap.
	backupWindow      = "01:00-01:30"
	maintenanceWindow = "sun:02:00-sun:03:00"
	metricNamespace   = "AWS/RDS"
	// maxReaderLagMillis is how far readers may be behind the writer; a few tens are normal.
	maxReaderLagMillis = 1000
	// maxRefusedSignIns is the number of refused sign-ins within five minutes that raises an alarm.
	maxRefusedSignIns = 10
)

// insightsDays are how many days Database Insights keeps its measurements in each of its modes. AWS sells no other
// number since Performance Insights has ended.
var insightsDays = map[string]int{"standard": 7, "advanced": 465}

// AddDatabase adds PostgreSQL on Aurora Serverless v2 in isolated subnets. RDS creates the administrator's password,
// stores it in Secrets Manager and rotates it every seven days; programs sign in with their IAM role. Members of the
// clients' security group can connect.
func AddDatabase(stack awscdk.Stack, props DatabaseProps) {
	vpc := props.Network
	if vpc == nil {
		vpc = constructs.Import(stack).Network(props.ExistingNetwork)
	}
	clients, server := addSecurityGroups(stack, vpc)
	// RDS would create the log group itself, without an expiry.
	log := constructs.NewLogGroup(stack, "Log", fmt.Sprintf("/aws/rds/cluster/%s/postgresql", *stack.StackName()),
		props.LogDays)
	cluster := addCluster(stack, props, vpc, server)
	cluster.AddDependency(log.Node().DefaultChild().(awscdk.CfnResource))
	// addInstances adds the writer and the readers. Readers are promoted in the order of their tiers, and those in tier 0
	// or 1 scale with the writer.
	addInstances(stack, props, cluster)
	// addDatabaseAlarms adds alarms near the limits of the database, and a dashboard.
	addDatabaseAlarms(stack, props, cluster, log)
	if zone := props.Imports.HostedZone; zone != nil {
		awsroute53.NewCnameRecord(stack, jsii.String("Name"), &awsroute53.CnameRecordProps{
			Zone: constructs.Import(stack).HostedZone(*zone), RecordName: jsii.String("database"),
			DomainName: cluster.AttrEndpointAddress(),
		})
	}
	addOutput(stack, "Endpoint", cluster.AttrEndpointAddress(), "where the database answers")
	addOutput(stack, "Port", jsii.String(strconv.Itoa(databasePort)), "on which port")
	addOutput(stack, "ClientsSecurityGroupId", clients.AttrGroupId(),
		"the security group whose members reach the database")
	addOutput(stack, "MasterSecretArn", cluster.AttrMasterUserSecretSecretArn(),
		"the secret with the administrator's password")
}

// addSecurityGroups adds a group for clients, and one for the database that lets only clients in and nothing out.
func addSecurityGroups(stack awscdk.Stack, vpc awsec2.IVpc) (clients, server awsec2.CfnSecurityGroup) {
	clients = awsec2.NewCfnSecurityGroup(stack, jsii.String("Clients"), &awsec2.CfnSecurityGroupProps{
		GroupDescription: jsii.String("reaches the database of " + *stack.StackName()), VpcId: vpc.VpcId(),
	})
	// Rules are properties of their group: as separate resources, one could be removed without the other.
	server = awsec2.NewCfnSecurityGroup(stack, jsii.String("Server"), &awsec2.CfnSecurityGroupProps{
		GroupDescription: jsii.String("the database of " + *stack.StackName()), VpcId: vpc.VpcId(),
		SecurityGroupIngress: []any{&awsec2.CfnSecurityGroup_IngressProperty{
			IpProtocol: jsii.String("tcp"), FromPort: jsii.Number(databasePort), ToPort: jsii.Number(databasePort),
			SourceSecurityGroupId: clients.AttrGroupId(), Description: jsii.String("clients of the database"),
		}},
		// Without any rule AWS adds one that lets everything out.
		SecurityGroupEgress: []any{&awsec2.CfnSecurityGroup_EgressProperty{
			IpProtocol: jsii.String("icmp"), FromPort: jsii.Number(252), ToPort: jsii.Number(86),
			CidrIp: jsii.String("255.255.255.255/32"), Description: jsii.String("nothing"),
		}},
	})
	return clients, server
}

// addCluster adds the cluster with its subnets, parameters and key.
func addCluster(stack awscdk.Stack, props DatabaseProps, vpc awsec2.IVpc,
	server awsec2.CfnSecurityGroup,
) awsrds.CfnDBCluster {
	name := *stack.StackName()
	key := constructs.ImportedOrNewKey(stack, props.Imports, "encrypts the database of "+name)
	subnets := awsrds.NewCfnDBSubnetGroup(stack, jsii.String("Subnets"), &awsrds.CfnDBSubnetGroupProps{
		DbSubnetGroupDescription: jsii.String("the isolated subnets of " + name), SubnetIds: isolatedSubnetIDs(vpc),
	})
	major, _, _ := strings.Cut(props.Version, ".")
	parameters := awsrds.NewCfnDBClusterParameterGroup(stack, jsii.String("Parameters"),
		&awsrds.CfnDBClusterParameterGroupProps{
			Description: jsii.String("TLS for everyone, and a log of who changes what"),
			Family:      jsii.String(databaseEngine + major),
			Parameters: map[string]string{
				"rds.force_ssl": "1", "log_statement": "ddl", "log_connections": "1",
				"log_disconnections": "1",
			},
		})
	cluster := awsrds.NewCfnDBCluster(stack, jsii.String("Cluster"), &awsrds.CfnDBClusterProps{
		DbClusterIdentifier: jsii.String(name), Engine: jsii.String(databaseEngine),
		EngineVersion: jsii.String(props.Version), Port: jsii.Number(databasePort),
		DatabaseName: jsii.String(props.Name), MasterUsername: jsii.String("administrator"),
		ManageMasterUserPassword:        jsii.Bool(true),
		MasterUserSecret:                &awsrds.CfnDBCluster_MasterUserSecretProperty{KmsKeyId: key.KeyArn()},
		EnableIamDatabaseAuthentication: jsii.Bool(true), StorageEncrypted: jsii.Bool(true), KmsKeyId: key.KeyArn(),
		ServerlessV2ScalingConfiguration: &awsrds.CfnDBCluster_ServerlessV2ScalingConfigurationProperty{
			MinCapacity: jsii.Number(props.MinACU), MaxCapacity: jsii.Number(props.MaxACU),
		},
		DbSubnetGroupName: subnets.Ref(), VpcSecurityGroupIds: &[]any{server.AttrGroupId()},
		DbClusterParameterGroupName: parameters.Ref(),
		EnableCloudwatchLogsExports: jsii.Strings("postgresql"), CopyTagsToSnapshot: jsii.Bool(true),
		DeletionProtection:    jsii.Bool(props.DeletionProtection),
		BackupRetentionPeriod: jsii.Number(props.BackupDays), PreferredBackupWindow: jsii.String(backupWindow),
		PreferredMaintenanceWindow: jsii.String(maintenanceWindow),
		// RDS manages Database Insights for a cluster as a whole, never for one of its instances.
		DatabaseInsightsMode: jsii.String(props.Insights), PerformanceInsightsEnabled: jsii.Bool(true),
		PerformanceInsightsKmsKeyId:        key.KeyArn(),
		PerformanceInsightsRetentionPeriod: jsii.Number(insightsDays[props.Insights]),
	})
	cluster.ApplyRemovalPolicy(awscdk.RemovalPolicy_SNAPSHOT, nil)
	if !props.DeletionProtection {
		constructs.Suppress(cluster, "AwsSolutions-RDS10",
			"The configuration leaves this environment's database unprotected; "+
				"its rules refuse that for a protected environment. A snapshot is taken when the cluster is deleted.")
	}
	return cluster
}

// isolatedSubnetIDs returns the ids of the VPC's isolated subnets.
func isolatedSubnetIDs(vpc awsec2.IVpc) *[]any {
	var ids []any
	for _, subnet := range *vpc.IsolatedSubnets() {
		ids = append(ids, subnet.SubnetId())
	}
	return &ids
}

// addInstances are the writer and its readers. A reader is promoted in the order of the tiers, and those up to tier 1
// grow with the writer.
func addInstances(stack awscdk.Stack, props DatabaseProps, cluster awsrds.CfnDBCluster) {
	for i := range 1 + props.Readers {
		id, tier := "Writer", 0
		if i > 0 {
			id, tier = fmt.Sprintf("Reader%d", i), 1
		}
		instance := awsrds.NewCfnDBInstance(stack, jsii.String(id), &awsrds.CfnDBInstanceProps{
			DbClusterIdentifier: cluster.Ref(), DbInstanceClass: jsii.String("db.serverless"),
			Engine: jsii.String(databaseEngine), PromotionTier: jsii.Number(tier),
			AutoMinorVersionUpgrade: jsii.Bool(true), PubliclyAccessible: jsii.Bool(false),
			PreferredMaintenanceWindow: jsii.String(maintenanceWindow),
		})
		instance.ApplyRemovalPolicy(awscdk.RemovalPolicy_DESTROY, nil) // its data is the cluster's
	}
}

// addDatabaseAlarms raises an alarm when the database comes near a limit, and draws how far it is from there.
func addDatabaseAlarms(stack awscdk.Stack, props DatabaseProps, cluster awsrds.CfnDBCluster, log awslogs.ILogGroup) {
	metric := func(name, statistic string) awscloudwatch.IMetric {
		return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace: jsii.String(metricNamespace), MetricName: jsii.String(name), Statistic: jsii.String(statistic),
			Period:        awscdk.Duration_Minutes(jsii.Number(5)),
			DimensionsMap: &map[string]*string{"DBClusterIdentifier": cluster.Ref()},
		})
	}
	alarm := func(id, name string, threshold float64, description string) awscloudwatch.Alarm {
		return constructs.NewAlarm(stack, id, constructs.AlarmProps{
			Metric: metric(name, "Maximum"), Threshold: threshold,
			Periods: 3, Description: description,
		})
	}
	capacity := alarm("ACU", "ACUUtilization", props.Alarms.ACUPercent,
		"the database is near its most capacity: raise maxACU, or see Database Insights for what it does")
	cpu := alarm("CPU", "CPUUtilization", props.Alarms.CPUPercent,
		"the database's processors are busy: see Database Insights for which statements")
	connections := alarm("Connections", "DatabaseConnections", float64(props.Alarms.Connections),
		"many connections are open: a program may not close its own")
	deadlocks := alarm("Deadlocks", "Deadlocks", 1,
		"programs wait for each other: see the database's log for which statements")
	lag := constructs.NewAlarm(stack, "ReaderLag", constructs.AlarmProps{
		Metric: metric("AuroraReplicaLagMaximum", "Maximum"), Threshold: maxReaderLagMillis, Periods: 3,
		Description: "what is read lies far behind what was written: the readers are busy",
	})
	refused := constructs.NewAlarm(stack, "RefusedSignIns", constructs.AlarmProps{
		Metric: newRefusedSignInsMetric(stack, log), Threshold: maxRefusedSignIns, Periods: 1,
		Description: "somebody tries to sign in to the database again and again: its log says who",
	})
	constructs.NewDashboard(stack,
		[]awscloudwatch.IWidget{
			constructs.NewAlarmWidget("capacity in use, %", capacity),
			constructs.NewAlarmWidget("processors in use, %", cpu),
		},
		[]awscloudwatch.IWidget{
			constructs.NewAlarmWidget("connections", connections),
			constructs.NewGraphWidget("capacity, ACU", metric("ServerlessDatabaseCapacity", "Average")),
		},
		[]awscloudwatch.IWidget{constructs.NewGraphWidget("latency, seconds", metric("CommitLatency", "Average"),
			metric("SelectLatency", "Average")), constructs.NewGraphWidget("stored, bytes", metric("VolumeBytesUsed",
			"Average"))},
		[]awscloudwatch.IWidget{
			constructs.NewAlarmWidget("deadlocks", deadlocks),
			constructs.NewAlarmWidget("readers behind the writer, ms", lag),
		},
		[]awscloudwatch.IWidget{constructs.NewAlarmWidget("refused sign-ins", refused)},
	)
}

// newRefusedSignInsMetric returns a metric that counts refused sign-ins in the database's log.
func newRefusedSignInsMetric(stack awscdk.Stack, log awslogs.ILogGroup) awscloudwatch.IMetric {
	return awslogs.NewMetricFilter(stack, jsii.String("RefusedSignInsFilter"), &awslogs.MetricFilterProps{
		LogGroup: log, FilterPattern: awslogs.FilterPattern_AnyTerm(jsii.String("password authentication failed"),
			jsii.String("no pg_hba.conf entry"), jsii.String("PAM authentication failed")),
		MetricNamespace: stack.StackName(), MetricName: jsii.String("RefusedSignIns"), MetricValue: jsii.String("1"),
	}).Metric(&awscloudwatch.MetricOptions{Statistic: jsii.String("Sum"), Period: awscdk.Duration_Minutes(jsii.Number(5))})
}
