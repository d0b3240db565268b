package fault

// A Topic is a kind of failure as a person meets it, with the codes that it leads to.
type Topic struct {
	Title string
	// Text says where to look first.
	Text  string
	Codes []Code
}

// Topics returns the five ways in which a pipeline fails, and the two kinds of access that are missing.
func Topics() []Topic {
	return []Topic{
		{
			Title: "Source",
			Text: "A pipeline that does not start, or fails in its stage `source`, cannot reach the repository. A new " +
				"connection is `PENDING` until somebody completes it in the console. It also has to be allowed to read " +
				"the repository that `source` in `config/pipeline.yaml` names. A step that cannot read the checkout has " +
				"one of these codes.",
			Codes: []Code{
				NoProject, ConfigSyntax, ConfigUnreadable, ConfigKey, ConfigValue, NoRepository, SourceUnreadable, GitFailed,
				NotPermitted, StateCommitted,
			},
		},
		{
			Title: "Build",
			Text: "A failure of the build or of the synthesis comes before anything is deployed. `go run . synth` repeats " +
				"it on a laptop, and the end of the step's log has the compiler's or the app's own message.",
			Codes: []Code{
				ConfigSteps, ToolMissing, ToolNotInstalled, ToolBroken, ToolChanged, StepFailed, StepOutput, StepProcess,
				ImageRegistry, ImageReference, SynthFailed, AppUnknown, AppDependencies, AppError, LookupsMissing,
				AssemblyMissing, AssemblyEmpty, AssemblyDamaged, AssemblySchema, AssetUnusable, AssetNotSupported,
				ImageBuilder, ImageBuild, ImageSecret, TemplateUnusable, DiskFull,
			},
		},
		{
			Title: "Test",
			Text: "The summary names each test that failed. `go run . test` repeats the stage, and `go run . report` shows " +
				"the results of the last run. A quality gate fails in the same way.",
			Codes: []Code{TestsFailed, NoTestRan, CoverageFloor, QualityFailed, GateReport, GateProgram, StepProcess},
		},
		{
			Title: "Security scan",
			Text: "A scan fails on what it finds, and also where it could not judge: without its database it is not run, " +
				"which is no pass. [Gates](gates.md) says what each scan looks for, and how a waiver is written.",
			Codes: []Code{SecurityFailed, WaiverExpired, GateNotRun, GateReport, GateProgram, ConfigSecret},
		},
		{
			Title: "Deploy",
			Text: "A deployment is refused before the first write, or fails at a resource. A refusal has changed nothing. " +
				"After a failure CloudFormation rolls the stack back, and the next run continues from whatever state it " +
				"is in.",
			Codes: []Code{
				PlanMissing, PlanDamaged, PlanAltered, PlanOtherTarget, PlanOtherContent, PlanUnknown, PlanSpent, PlanExpired,
				PlanNotApproved, PlanStale, PlanChangeSet, PlanDeferred, PlanRequired, ChangesNotNamed, WouldBeRefused,
				ValuesRefused, ResourceExists, OnlyOneAllowed, QuotaReached, Destination, AssemblyAltered,
				StagedExchanged, LockHeld, LockLost, StackFailed, StackState,
				RollbackStuck, ChangeSetFailed, ChangeSetGone,
				StackEmpty, ParameterMissing, WaitInterrupted, NotPromoted, RecordTampered, RecordUnsigned, HeadMissing, SigningKey,
				VerificationFailed, AlarmsFiring, BehaviourDiffers,
				Throttled, AWSFault, AWSRefused,
			},
		},
		{
			Title: "Cross-account access",
			Text: "The tooling account assumes a role in the target account. So three things have to match: whose " +
				"credentials the run has, which accounts the roles trust, and for which account the assembly was made. " +
				"Each is checked before the first write.",
			Codes: []Code{
				NoCredentials, CredentialsExpired, CredentialsRefused, ClockWrong, WrongAccount, RoleNotAssumed, RoleOtherAccount,
				StackOtherAccount, RoleUnusable, StackSelection, StackNameTwice, StackOwned,
				NotBootstrapped, BootstrapOld, BootstrapFailed, BootstrapDiffers, RightsMissing,
				SelfTestProtected, OtherEndpoint,
			},
		},
		{
			Title: "Access to a resource",
			Text: "The account was reached, and a role in it may not do one thing: create a resource, use a key, read a " +
				"bucket. Where CloudFormation was refused, the stack fails, and the message names the first resource. " +
				"`executionPolicies` under `bootstrap` in `config/pipeline.yaml` say what the role of CloudFormation may " +
				"do.",
			Codes: []Code{
				AccessDenied, KeyDenied, StackFailed, BucketMissing, BucketElsewhere, RepositoryMissing, ImageArchived,
				NoSuchResource, RegionDisabled, Unreachable, Untrusted, ProxyFailed,
			},
		},
	}
}
