package orders;

import software.amazon.awscdk.App;
import software.amazon.awscdk.Duration;
import software.amazon.awscdk.Environment;
import software.amazon.awscdk.Stack;
import software.amazon.awscdk.StackProps;
import software.amazon.awscdk.services.sns.Topic;
import software.amazon.awscdk.services.sqs.Queue;

public class OrdersApp {
    public static void main(String[] args) {
        App app = new App();
        Environment env = Environment.builder()
            .account(System.getenv("CDK_DEFAULT_ACCOUNT")).region(System.getenv("CDK_DEFAULT_REGION")).build();
        Stack stack = new Stack(app, "Orders", StackProps.builder().env(env).build());
        Number days = (Number) stack.getNode().getContext("retentionDays");
        Queue.Builder.create(stack, "Incoming").retentionPeriod(Duration.days(days)).build();
        Topic.Builder.create(stack, "Accepted").build();
        app.synth();
    }
}
