package fault

import "slices"

// planEntries are refusals of a plan: nothing was written.
func planEntries() []Entry {
	return slices.Concat(planFileEntries(), planStateEntries(), planContentEntries())
}

func planFileEntries() []Entry {
	return []Entry{
		{
			Code: PlanMissing, Exit: exitRefused, Title: "no such plan file",
			Meaning:  "The file that --plan names is not there.",
			Causes:   []string{"a typing error", "the artefact of an earlier stage was not handed on"},
			Remedies: []string{"make a plan with `lockstep plan --env ENVIRONMENT --out FILE`"},
			Messages: []string{"there is no plan …"},
		},
		{
			Code: PlanDamaged, Exit: exitRefused, Title: "a file that is no complete plan",
			Meaning:  "The file is incomplete, of another format, or of a version that this Lockstep does not read.",
			Causes:   []string{"a transfer that was cut off", "a plan of another version of Lockstep"},
			Remedies: []string{"plan again with the version that will apply it"},
			Messages: []string{"… is no plan as Lockstep writes one"},
		},
		{
			Code: PlanAltered, Exit: exitRefused, Title: "a plan that was changed after it was made",
			Meaning:  "The content does not match its digest, or names change sets that its run did not make.",
			Causes:   []string{"an edit of the file", "another file under the same name"},
			Remedies: []string{"plan again, and find out who has changed the file"},
			Messages: []string{"… was changed after it was made"},
		},
		{
			Code: PlanOtherTarget, Exit: exitRefused, Title: "a plan of another environment or account",
			Meaning:  "The plan is of another environment, mode, account or region than the command works on.",
			Causes:   []string{"the wrong file", "--live at one of the two commands alone", "accounts that were added since"},
			Remedies: []string{"name the plan's own environment and mode, or plan again"},
			Messages: []string{"the plan is of …, not of …"},
		},
		{
			Code: PlanOtherContent, Exit: exitRefused, Title: "a plan of another cloud assembly",
			Meaning: "What would be deployed is not what was planned.",
			Causes: []string{
				"a commit between plan and deploy",
				"an assembly that was synthesised again with another result",
			},
			Remedies: []string{"deploy the assembly of the plan (--assembly), or plan again"},
			Messages: []string{"the plan is of another cloud assembly"},
		},
	}
}

func planStateEntries() []Entry {
	return []Entry{
		{
			Code: PlanUnknown, Exit: exitRefused, Title: "a plan that the account does not know",
			Meaning:  "The account has no record of the plan: change sets that somebody else made are not executed.",
			Causes:   []string{"the plan is of another account", "its record was removed with the garbage"},
			Remedies: []string{"plan again"},
			Messages: []string{"account … does not know the plan …"},
		},
		{
			Code: PlanSpent, Exit: exitRefused, Title: "a plan that was applied or dropped",
			Meaning:  "A plan is applied once. This one was applied by another run, or thrown away.",
			Causes:   []string{"a job that was started again", "`plan --drop`"},
			Remedies: []string{"`lockstep status` shows what is deployed; plan again for anything else"},
			Messages: []string{"the plan … was applied by run … already", "the plan … was dropped at …"},
		},
		{
			Code: PlanExpired, Exit: exitRefused, Title: "a plan that is too old",
			Meaning:  "The plan was good until a time that is over.",
			Causes:   []string{"an approval that took longer than --good-for allows"},
			Remedies: []string{"plan again, with a longer --good-for where approvals take long"},
			Messages: []string{"the plan … was good until …"},
		},
		{
			Code: PlanNotApproved, Exit: exitRefused, Title: "a plan that nobody has approved",
			Meaning:  "The environment asks for an approval before its plans are applied.",
			Causes:   []string{"the approval was left out"},
			Remedies: []string{"read the plan, then `lockstep approve --plan FILE`"},
			Messages: []string{"nobody has approved the plan …"},
		},
		{
			Code: PlanApproved, Exit: exitRefused, Title: "a plan that was approved already",
			Meaning:  "The first approval stands, with its name and time.",
			Causes:   []string{"two people approve the same plan"},
			Remedies: []string{"deploy it"},
			Messages: []string{"the plan was approved already, by … at …"},
		},
		{
			Code: PlanStale, Exit: exitRefused, Title: "a stack that was changed since the plan was made",
			Meaning:  "The stack is not in the state from which the plan was made.",
			Causes:   []string{"another deployment meanwhile", "a change in the console", "a stack that was added or removed"},
			Remedies: []string{"plan again, and review the new plan"},
			Messages: []string{"the stack was changed since the plan was made: …"},
		},
		{
			Code: PlanChangeSet, Exit: exitRefused, Title: "the reviewed change set is not there as it was",
			Meaning:  "CloudFormation no longer has the change set, cannot execute it, or it would do something else.",
			Causes:   []string{"the stack was changed since", "the change set was deleted by hand"},
			Remedies: []string{"plan again"},
			Messages: []string{"its change set is gone: …", "its change set would do something else than was reviewed"},
		},
		{
			Code: PlanDeferred, Exit: exitRefused, Title: "a deferred stack would do more than was reviewed",
			Meaning: "A stack whose inputs did not exist at the plan may only add resources when it is deployed. Where " +
				"complete plans are required, it may not be deferred at all.",
			Causes:   []string{"a stack that needs an output of a new stack, and changes what exists"},
			Remedies: []string{"deploy what exists by now, then plan again"},
			Messages: []string{"it was deferred in the reviewed plan and would now do more than add resources"},
		},
	}
}

func planContentEntries() []Entry {
	return []Entry{
		{
			Code: PlanRequired, Exit: exitRefused, Title: "an environment that takes only approved plans",
			Meaning:  "The environment has an approval, so a command that plans and applies at once is refused.",
			Causes:   []string{"`deploy` or `rollback` without --plan"},
			Remedies: []string{"the message shows the commands: plan with --out, approve, and apply with --plan"},
			Messages: []string{"… takes only a plan that was approved"},
		},
		{
			Code: ChangesNotNamed, Exit: exitRefused, Title: "changes that have to be allowed by name",
			Meaning: "The plan would lose data, widen permissions or network access, or deploy a stack for which the app " +
				"names no roles. Nobody has said that this is meant.",
			Causes: []string{
				"a replacement or removal of a resource that keeps data", "a new statement, trust or rule",
				"a stack whose synthesizer names no roles (LegacyStackSynthesizer, CliCredentialsStackSynthesizer)",
			},
			Remedies: []string{
				"check that each change is intended; most replacements come from a changed name or key",
				"then deploy or approve with `--allow data-loss`, `--allow permissions` or `--allow synthesizer`",
			},
			Messages: []string{"these changes have to be allowed by name"},
		},
		{
			Code: WouldBeRefused, Exit: exitRefused, Title: "a deployment that AWS would refuse",
			Meaning: "The plan exceeds a limit of CloudFormation, or removes an export that is in use.",
			Causes: []string{
				"more resources, parameters or outputs than a stack takes",
				"an export that another stack imports",
			},
			Remedies: []string{"the message names the way out; see [deployment](deployment.md#what-aws-would-refuse)"},
			Messages: []string{"AWS would refuse this deployment"},
		},
		{
			Code: ValuesRefused, Title: "values that AWS would refuse",
			Meaning: "A rehearsal found names or values that the service does not take.",
			Causes: []string{
				"a name with characters or a length that the service refuses",
				"a version that no longer exists",
			},
			Remedies: []string{"correct them in the app; the message names the page that documents each rule"},
			Messages: []string{"AWS would refuse these values"},
		},
		{
			Code: Destination, Exit: exitRefused, Title: "a name in the assembly that leads elsewhere",
			Meaning: "A bucket, key, template address, topic or parameter of the assembly is not of the account's bootstrap.",
			Causes: []string{
				"a synthesizer of the app with names of its own",
				"an assembly that somebody has changed",
			},
			Remedies: []string{
				"use the CDK's DefaultStackSynthesizer with its default names, and synthesise again",
				"give the names of the bootstrap under `bootstrap` in the environment's configuration",
			},
			Messages: []string{"… goes to …, but only …, of the account's bootstrap, is published to"},
		},
		{
			Code: AssemblyAltered, Exit: exitRefused, Title: "a cloud assembly that was changed after it was synthesised",
			Meaning: "A file of the assembly does not have the content that its key in the staging bucket stands for.",
			Causes: []string{
				"a template that was edited in the assembly's folder",
				"two assets with one key, such as assemblies that were copied into each other",
			},
			Remedies: []string{"synthesise again", "find out who has changed the folder if it was not you"},
			Messages: []string{
				"its template … was edited after it was synthesised",
				"it has the key …, and so has another asset with other content",
			},
		},
		{
			Code: OtherApprover, Exit: exitRefused, Title: "an approval by who has made the plan",
			Meaning: "The environment wants the approval of a person who neither made the plan nor wrote its commit.",
			Causes: []string{
				"the author approves",
				"the plan was made outside of a clone, so its author is not known",
			},
			Remedies: []string{"let somebody else approve", "plan in a clone of the repository"},
			Messages: []string{"… wants the approval of somebody else"},
		},
		{
			Code: NotExpected, Exit: exitRefused, Title: "another plan or assembly than expected",
			Meaning:  "The digest is not the one that an earlier job has handed on, or that a person has typed.",
			Causes:   []string{"the artefact of an earlier job was exchanged", "a digest of another plan"},
			Remedies: []string{"find out who exchanged it", "read the plan again, and give its digest"},
			Messages: []string{"… is expected: nothing was done with it", "that is not the digest of this plan"},
		},
	}
}

func readinessEntries() []Entry {
	const title = "this account is not ready for the deployment"
	return []Entry{
		{
			Code: ResourceExists, Exit: exitRefused, Title: "a name that is in use",
			Meaning: "A new resource has the name of one that exists, so that CloudFormation could not create it.",
			Causes: []string{
				"a resource that was kept when its stack was deleted",
				"another stack, or a person, has created it",
			},
			Remedies: []string{
				"`--allow import-existing` takes over what belongs to no stack, as it is",
				"give one of them another name, or delete the one that nobody needs",
			},
			Messages: []string{title},
		},
		{
			Code: OnlyOneAllowed, Exit: exitRefused, Title: "a second one of what an account has once",
			Meaning: "The account has a recorder, detector, analyzer, cost monitor or the like already, and AWS allows no " +
				"second one.",
			Causes: []string{
				"the organisation or the landing zone has set it up",
				"the same app in a second region of the account",
			},
			Remedies: []string{
				"`governance.organisation` in the environment's configuration leaves it out of the stacks",
				"in an app of your own, take it out",
			},
			Messages: []string{title},
		},
		{
			Code: QuotaReached, Exit: exitRefused, Title: "a quota that the plan would break",
			Meaning:  "With what the plan adds, the account would have more resources of a type than AWS lets it.",
			Causes:   []string{"the default of a new account", "resources that nobody needs any more"},
			Remedies: []string{"ask AWS for a higher quota; the message has the command", "remove what is not needed"},
			Messages: []string{title},
		},
	}
}
