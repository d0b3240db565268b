package fault

import "slices"

// accessEntries are what keeps Lockstep from an account, a resource or AWS itself.
func accessEntries() []Entry {
	return slices.Concat(credentialEntries(), accountEntries(), bootstrapEntries(), resourceEntries(), endpointEntries())
}

func credentialEntries() []Entry {
	return []Entry{
		{
			Code: NoCredentials, Exit: exitRefused, Title: "no AWS credentials",
			Meaning:  "A live run found no credentials. It never falls back to a rehearsal.",
			Causes:   []string{"nobody has signed in", "a profile that is not set in this terminal or job"},
			Remedies: []string{"sign in to the account that the message names, or leave out `--live`"},
			Messages: []string{"there are no AWS credentials"},
		},
		{
			Code: CredentialsExpired, Exit: exitRefused, Title: "credentials that have expired",
			Meaning:  "The session is over.",
			Causes:   []string{"an SSO session or an assumed role at its end", "credentials that were copied into a variable"},
			Remedies: []string{"sign in again; the next run continues from there"},
			Messages: []string{"the credentials have expired", "the AWS credentials have expired"},
		},
		{
			Code: CredentialsRefused, Exit: exitRefused, Title: "credentials that AWS does not accept",
			Meaning: "The key is unknown, its secret is wrong, or it cannot be sent in a header.",
			Causes: []string{
				"a value that was pasted with a line break at its end", "a key that was deleted", "a region that is not enabled",
			},
			Remedies: []string{"set the variables again, or sign in again"},
			Messages: []string{
				"the access key id holds a line break or another character that no header takes",
				"the session token holds a line break or another character that no header takes", "the secret access key is wrong",
				"AWS does not know the access key here", "AWS does not accept these credentials",
			},
		},
		{
			Code: ClockWrong, Title: "this machine's clock is wrong",
			Meaning:  "AWS refuses signatures that are more than 5 minutes off.",
			Causes:   []string{"a virtual machine that slept", "no time service"},
			Remedies: []string{"set the clock, then run it again"},
			Messages: []string{"this machine's clock is wrong"},
		},
		{
			Code: NoRegion, Title: "no region",
			Meaning:  "A call has no region to go to.",
			Causes:   []string{"a profile without a region"},
			Remedies: []string{"set AWS_REGION, or a region in the profile"},
			Messages: []string{"set AWS_REGION, or a region in the profile"},
		},
		{
			Code: RegionDisabled, Title: "a service or region that the account has not enabled",
			Meaning:  "AWS answers that the account is not signed up.",
			Causes:   []string{"an opt-in region", "a new account"},
			Remedies: []string{"enable the region or service in the account, then run it again"},
			Messages: []string{"the account is not signed up for this service or region"},
		},
		{
			Code: AWSSettings, Title: "AWS settings of this machine that cannot be read",
			Meaning: "The AWS SDK does not understand a file or a variable with its settings. No call was made.",
			Causes:  []string{"a profile that is in no file", "a file with an edit that is not in its format"},
			Remedies: []string{
				"fix the file or the variable that the message names", "choose another profile with `AWS_PROFILE`",
			},
			Messages: []string{"the AWS settings of this machine cannot be read: …"},
		},
	}
}

func accountEntries() []Entry {
	return []Entry{
		{
			Code: WrongAccount, Exit: exitRefused, Title: "credentials of another account",
			Meaning: "The caller's account is not the one from which this is done. Nothing was sent to it but the question " +
				"who it is.",
			Causes:   []string{"another profile", "a terminal that is signed in elsewhere"},
			Remedies: []string{"sign in to the tooling account, or choose its profile with `AWS_PROFILE`"},
			Messages: []string{"these credentials belong to account …"},
		},
		{
			Code: RoleNotAssumed, Exit: exitRefused, Title: "a role that may not be assumed",
			Meaning: "The target account does not let the tooling account assume its deployment role.",
			Causes: []string{
				"the account is not bootstrapped, or trusts another tooling account", "the caller's policy lacks sts:AssumeRole",
				"a service control policy of the organisation",
			},
			Remedies: []string{
				"`lockstep bootstrap --env ENV --live` with the account's own credentials",
				"then check the caller's policy",
			},
			Messages: []string{"the role … may not be assumed from account …"},
		},
		{
			Code: RoleOtherAccount, Exit: exitRefused, Title: "a role of another account",
			Meaning:  "A role that the assembly names, or that was assumed, belongs to another account than is configured.",
			Causes:   []string{"an assembly of another environment", "an account id that was mistyped in config/environments"},
			Remedies: []string{"synthesise again for this environment; compare the account ids"},
			Messages: []string{"the role … turned out to be one of account …"},
		},
		{
			Code: StackOtherAccount, Exit: exitRefused, Title: "a stack for another account or region",
			Meaning: "The assembly was made for another place than the environment has.",
			Causes: []string{
				"--assembly names that of another environment", "a fixed env in the app",
				"a place was taken out of the environment's file, and its stacks still exist",
			},
			Remedies: []string{"synthesise for this environment, or correct its file"},
			Messages: []string{"stack … is for …, but … is …", "stack … is in …, which is no place of … any more"},
		},
		{
			Code: RoleUnusable, Exit: exitRefused, Title: "a stack that names no role to assume",
			Meaning: "The assembly does not say with which role the stack is deployed, and the caller's own role is never " +
				"used instead.",
			Causes:   []string{"a synthesizer of an old CDK, or one of the app's own"},
			Remedies: []string{"use the CDK's DefaultStackSynthesizer"},
			Messages: []string{"… names no role to assume in …"},
		},
		{
			Code: StackSelection, Exit: exitRefused, Title: "a selection that does not fit the assembly",
			Meaning: "The environment's account, region, places and `stacks` select no stack of the assembly, or give values " +
				"to a stack or a parameter that it does not have.",
			Causes: []string{
				"the assembly was made for another environment", "a stack or a parameter was renamed in the app",
			},
			Remedies: []string{"synthesise again, or correct `places` and `stacks` in the environment's file"},
			Messages: []string{
				"no stack of the cloud assembly goes to …",
				"`stacks.parameters` of the environment has values for stack …, which it does not have",
				"`stacks.parameters` of the environment has a value for the parameter … of stack …, which has no such parameter",
				"parameter … of stack … is a secret (NoEcho), and the configuration may hold none",
			},
		},
		{
			Code: StackNameTwice, Exit: exitRefused, Title: "two stacks of one name",
			Meaning: "The environment has two stacks of the same name in different places. The plan, the journal and the " +
				"records know stacks by their names.",
			Causes:   []string{"an app that makes one stack for several regions or accounts"},
			Remedies: []string{"give one of them another stackName, or select one of them with `stacks.include`"},
			Messages: []string{"stack … is in … and in …: give one of them another stackName"},
		},
		{
			Code: StackOwned, Exit: exitRefused, Title: "a stack of another environment",
			Meaning: "Another environment in the same account has released the stack.",
			Causes: []string{
				"two environments in one account whose selections overlap", "a stack with the name of the self-test's",
			},
			Remedies: []string{"let each environment in the account select its own stacks with `stacks.include`"},
			Messages: []string{"stack … in … is one of …", "stack … exists and is not one of the self-test"},
		},
		{
			Code: SelfTestProtected, Exit: exitRefused, Title: "a self-test in a protected environment",
			Meaning:  "The environment asks for approvals or protects its stacks from deletion. Nothing was created.",
			Causes:   []string{"`lockstep selftest --live` for production"},
			Remedies: []string{"run it in another environment", "if it is meant, write --allow-protected"},
			Messages: []string{"… is protected, and a self-test creates and deletes a stack"},
		},
	}
}

func bootstrapEntries() []Entry {
	return []Entry{
		{
			Code: NotBootstrapped, Exit: exitRefused, Title: "an account that is not bootstrapped",
			Meaning:  "The account lacks the bootstrap stack in this region.",
			Causes:   []string{"a new account or region", "another qualifier"},
			Remedies: []string{"`lockstep bootstrap --env ENV --live` with the account's own credentials"},
			Messages: []string{"… is not bootstrapped in …"},
		},
		{
			Code: BootstrapOld, Exit: exitRefused, Title: "a bootstrap that is too old",
			Meaning: "The account's bootstrap is older than the assembly or Lockstep needs.",
			Causes: []string{
				"aws-cdk-lib was updated",
				"the account was bootstrapped before version 32, whose deploy role is the first that may list change sets",
			},
			Remedies: []string{"bootstrap the account again"},
			Messages: []string{"account … is bootstrapped with version … in …"},
		},
		{
			Code: BootstrapNewer, Title: "a bootstrap that is newer than this Lockstep",
			Meaning:  "Bootstrapping would go back to an older version, which could take rights away.",
			Causes:   []string{"another tool or a newer Lockstep has bootstrapped the account"},
			Remedies: []string{"update Lockstep"},
			Messages: []string{"it has version … of the bootstrap, newer than version … of this Lockstep"},
		},
		{
			Code: BootstrapFailed, Title: "the bootstrap failed",
			Meaning: "A resource of the bootstrap stack could not be created or updated.",
			Causes: []string{
				"a bucket or role of that name that exists already",
				"too few rights: it takes those of an administrator",
			},
			Remedies: []string{"fix the resource that is named, then bootstrap again"},
			Messages: []string{"account … could not be bootstrapped in …"},
		},
		{
			Code: BucketMissing, Title: "a bucket of the bootstrap is missing",
			Meaning: "The bucket of the CDK's bootstrap for assets, or that of Lockstep for the lock and the records, is not " +
				"there.",
			Causes: []string{
				"the account was bootstrapped by an earlier version, which kept records in the CDK's bucket",
				"it was deleted by hand", "the account is bootstrapped with another qualifier",
			},
			Remedies: []string{"bootstrap the account again"},
			Messages: []string{"the bucket … is not there"},
		},
		{
			Code: BucketElsewhere, Title: "a bucket in another region",
			Meaning:  "The bucket is in another region than is configured.",
			Causes:   []string{"an environment that moved to another region"},
			Remedies: []string{"fix the region in the environment's file"},
			Messages: []string{"the bucket is in another region than is configured"},
		},
		{
			Code: BootstrapDiffers, Exit: exitRefused, Title: "a bootstrap that somebody else relies on",
			Meaning: "The account is bootstrapped in another way than the configuration says. Nothing has changed.",
			Causes:  []string{"`cdk bootstrap` with other arguments", "another team, with a template of its own"},
			Remedies: []string{
				"agree on one bootstrap, or take another qualifier and another `toolkitStack`",
				"--change-parameters if it is wanted",
			},
			Messages: []string{"its bootstrap differs from the configuration", "its bootstrap has …"},
		},
		{
			Code: RightsMissing, Exit: exitRefused, Title: "a deploy role without the rights of a deployment",
			Meaning: "IAM says that the role may not do something that every deployment does.",
			Causes: []string{
				"a bootstrap with a template of its own",
				"a permissions boundary, or a policy of the organisation",
			},
			Remedies: []string{"bootstrap the account again", "let whoever owns the boundary or the policy allow the actions"},
			Messages: []string{"this account is not ready for the deployment"},
		},
	}
}

func resourceEntries() []Entry {
	return []Entry{
		{
			Code: RepositoryMissing, Title: "the repository of the bootstrap is missing",
			Meaning: "The repository of the CDK's bootstrap for container images is not there.",
			Causes:  []string{"it was deleted by hand", "the account is bootstrapped with another qualifier"},
			Remedies: []string{
				"bootstrap the account again", "name the repository under `bootstrap` in the environment's file",
			},
			Messages: []string{"the repository … is not there"},
		},
		{
			Code: ImageArchived, Title: "a container image is archived",
			Meaning: "ECR has the image in its archive. It is described as before, and no container can be started from it.",
			Causes:  []string{"a lifecycle policy of the repository, or a person, has archived it"},
			Remedies: []string{
				"restore it with the command that the message shows, and run this again when it is active",
				"see that the lifecycle policy leaves the images of releases alone",
			},
			Messages: []string{"the image … that the repository … has under … is archived"},
		},
		{
			Code: AccessDenied, Title: "AWS denied a call",
			Meaning: "The role may not do what the message names. AWS says which action, and often which policy denies it.",
			Causes: []string{
				"a policy of the role lacks the action", "a bucket or resource policy, or a service control policy, denies it",
				"a bootstrap that is older than the action",
			},
			Remedies: []string{
				"bootstrap the account again, if it is a role of the bootstrap",
				"add the action to the role or policy that is named",
			},
		},
		{
			Code: KeyDenied, Title: "a KMS key may not be used",
			Meaning:  "The resource is encrypted with a key that the role may not use, or the key is disabled.",
			Causes:   []string{"a key policy that does not name the role or its account", "a key that is about to be deleted"},
			Remedies: []string{"let the key's policy allow kms:Decrypt and kms:GenerateDataKey to the role", "enable the key"},
		},
		{
			Code: NoSuchResource, Title: "a resource of AWS that does not exist",
			Meaning:  "AWS knows no resource, object or role of that name in this account and region.",
			Causes:   []string{"it was deleted by hand", "another region"},
			Remedies: []string{"deploy the stack that owns it, or fix the name"},
		},
	}
}

func endpointEntries() []Entry {
	return []Entry{
		{
			Code: Unreachable, Title: "AWS cannot be reached",
			Meaning:  "The endpoint has no address here, does not answer, or stopped answering.",
			Causes:   []string{"no network", "a region that is spelt wrong or lacks the service", "a firewall or a sandbox"},
			Remedies: []string{"check the network and the region; the next run continues from there"},
			Messages: []string{"the AWS endpoint … stopped answering", "the AWS endpoint… cannot be found"},
		},
		{
			Code: Untrusted, Title: "an endpoint that is not trusted",
			Meaning:  "The certificate of what answers is not trusted, or it speaks no TLS.",
			Causes:   []string{"a proxy that opens the connections", "a wrong clock", "a wrong address or port"},
			Remedies: []string{"set `AWS_CA_BUNDLE` to the proxy's certificates; check the clock and the address"},
			Messages: []string{"the AWS endpoint … is not trusted"},
		},
		{
			Code: ProxyFailed, Title: "the proxy does not work",
			Meaning:  "The proxy does not answer, or refused the connection.",
			Causes:   []string{"HTTPS_PROXY names one that does not run", "a password", "a list of what it allows"},
			Remedies: []string{"fix `HTTPS_PROXY` and `NO_PROXY`, or what the proxy allows"},
			Messages: []string{"the proxy does not answer", "the proxy of HTTPS_PROXY refused the connection"},
		},
		{
			Code: OtherEndpoint, Exit: exitRefused, Title: "settings that send calls elsewhere",
			Meaning:  "The settings of this machine name another endpoint than AWS, or than --endpoint.",
			Causes:   []string{"AWS_ENDPOINT_URL, or endpoint_url in the profile, left from an emulator"},
			Remedies: []string{"unset what the message names, or write --endpoint to work there"},
			Messages: []string{"--live works on AWS, and the settings of this machine name …"},
		},
		{
			Code: Throttled, Title: "AWS takes no more calls at this moment",
			Meaning:  "The rate of calls stayed over the limit, although Lockstep has slowed down and tried again.",
			Causes:   []string{"other tools that call the same API in the account", "very many accounts at once"},
			Remedies: []string{"run it again later"},
			Messages: []string{"AWS takes no more calls at this moment"},
		},
		{
			Code: AWSFault, Title: "AWS has a fault",
			Meaning:  "AWS answered that the fault is its own.",
			Causes:   []string{"an incident of the service"},
			Remedies: []string{"run it again; see https://health.aws.amazon.com if it stays"},
			Messages: []string{"AWS has a fault"},
		},
		{
			Code: AWSRefused, Title: "AWS refused a call",
			Meaning:  "The call was understood and refused, with the code and the reason that the message shows.",
			Causes:   []string{"a value or a state that the service does not accept"},
			Remedies: []string{"do what AWS's reason says"},
		},
		{
			Code: ServiceRefused, Title: "the CI service refused a request",
			Meaning: "GitHub or GitLab was asked who has approved, and answered with an error, so nobody is known to have " +
				"approved.",
			Causes:   []string{"the token of the job may not read it", "`workflows` names another host or repository"},
			Remedies: []string{"write the files again with `lockstep workflows SERVICE --write`", "correct `workflows`"},
			Messages: []string{"it answers with the status …"},
		},
	}
}
