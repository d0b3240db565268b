package fault

import "slices"

// deployEntries are failures while CloudFormation works, and refusals that protect releases and their records.
func deployEntries() []Entry {
	return slices.Concat(lockEntries(), stackEntries(), releaseEntries(), recordEntries())
}

func lockEntries() []Entry {
	return []Entry{
		{
			Code: LockHeld, Exit: exitRefused, Title: "another run holds the lock",
			Meaning:  "One run at a time writes to an environment.",
			Causes:   []string{"a deployment in progress", "a run that was killed less than a minute ago"},
			Remedies: []string{"wait", "if the run is gone for good, `lockstep unlock` with the id that the message shows"},
			Messages: []string{"… has held the lock for …"},
		},
		{
			Code: LockLost, Title: "the lock was lost",
			Meaning:  "Another run took the lock, so this one stopped before its next write.",
			Causes:   []string{"`unlock` while it ran", "a machine that slept longer than the lease"},
			Remedies: []string{"wait for the other run, then run it again: it continues from there"},
			Messages: []string{"the lock was lost: …"},
		},
		{
			Code: LockOtherHolder, Exit: exitRefused, Title: "the lock is not held by that run",
			Meaning:  "`unlock` names a run that does not hold the lock, so nothing was unlocked.",
			Causes:   []string{"the run has ended meanwhile", "the id of another environment"},
			Remedies: []string{"`lockstep status --env ENV` shows who holds it"},
			Messages: []string{"…: nothing was unlocked"},
		},
		{
			Code: RecordContention, Title: "another run has written at the same time",
			Meaning:  "A conditional write found that the object was changed meanwhile.",
			Causes:   []string{"two runs that start at the same moment"},
			Remedies: []string{"run it again"},
			Messages: []string{"another run has changed the object"},
		},
	}
}

func stackEntries() []Entry {
	return []Entry{
		{
			Code: StackFailed, Title: "a resource could not be created, updated or deleted",
			Meaning: "CloudFormation failed and rolled back. The message names the first resource that failed, and why.",
			Causes: []string{
				"the execution role lacks a right", "a name that exists already", "a quota", "a value that the service refuses",
			},
			Remedies: []string{
				"fix what the reason says, and deploy again: the next run continues from any state",
				"for a missing right see executionPolicies under bootstrap in config/pipeline.yaml, then bootstrap again",
			},
		},
		{
			Code: StackState, Title: "a stack in a state that needs a person",
			Meaning:  "The stack is in a state from which no deployment can go on by itself.",
			Causes:   []string{"a deletion or import that failed", "an operation that was started by hand"},
			Remedies: []string{"the message says what to do; [deployment](deployment.md#states) has every state"},
			Messages: []string{"the stack is in state …"},
		},
		{
			Code: RollbackStuck, Title: "a rollback that cannot be continued",
			Meaning:  "CloudFormation tried again to continue the rollback, and failed at the same resource.",
			Causes:   []string{"the resource was deleted or changed outside the stack", "a right that was taken away"},
			Remedies: []string{"fix the resource that is named, then continue the rollback as the message shows"},
			Messages: []string{"the rollback cannot be continued"},
		},
		{
			Code: ChangeSetFailed, Title: "a change set could not be created",
			Meaning: "CloudFormation refused the template or its parameters when the change set was made. Nothing has " +
				"changed.",
			Causes:   []string{"a macro that failed", "a reference to a parameter or an export that does not exist"},
			Remedies: []string{"fix what the reason says in the app"},
		},
		{
			Code: ChangeSetGone, Title: "the change set is gone",
			Meaning:  "Somebody else changed the stack or removed the change set while this run was at work.",
			Causes:   []string{"a second pipeline, or a person in the console"},
			Remedies: []string{"run it again; keep others from the stacks"},
			Messages: []string{"its change set is gone", "the change set came to state …"},
		},
		{
			Code: StackEmpty, Title: "a stack without resources",
			Meaning:  "The app leaves a stack without a resource, and CloudFormation takes no such template.",
			Causes:   []string{"the last resource was removed from the app"},
			Remedies: []string{"keep a resource, or delete the stack yourself and take it out of the app"},
			Messages: []string{"it has no resources any more, and CloudFormation takes no stack without"},
		},
		{
			Code: ParameterMissing, Title: "a parameter without a value",
			Meaning:  "The template has a parameter with neither a default nor a value.",
			Causes:   []string{"a CfnParameter in the app"},
			Remedies: []string{"give it a default, or use the configuration instead"},
			Messages: []string{"its parameters … have neither a value nor a default"},
		},
		{
			Code: WaitInterrupted, Title: "interrupted while CloudFormation is at work",
			Meaning:  "The run ended, and CloudFormation goes on with the stack.",
			Causes:   []string{"Ctrl-C, or the end of a job", "a time limit"},
			Remedies: []string{"run it again: it waits for the stack and continues"},
			Messages: []string{"interrupted; CloudFormation goes on with the stack"},
		},
		{
			Code: AccountNotStarted, Title: "an account that was not started",
			Meaning:  "Too many accounts of its wave, or before it, have failed.",
			Causes:   []string{"see the accounts that failed"},
			Remedies: []string{"fix those; the next run deploys this one too"},
			Messages: []string{"not started, because … before it failed"},
		},
	}
}

func releaseEntries() []Entry {
	return []Entry{
		{
			Code: NothingDeployed, Title: "nothing was deployed yet",
			Meaning:  "The account has no release, so there is nothing to verify, compare or go back to.",
			Causes:   []string{"a new environment", "another account or region than was deployed to"},
			Remedies: []string{"deploy to it first"},
			Messages: []string{"nothing was deployed yet"},
		},
		{
			Code: NoRelease, Exit: exitRefused, Title: "no release to go back to",
			Meaning:  "The release does not exist, or all before it were rolled back from.",
			Causes:   []string{"a first release", "a release of another environment"},
			Remedies: []string{"`lockstep status --env ENV --releases 20` shows which there are"},
			Messages: []string{"… has no release to go back from"},
		},
		{
			Code: NotPromoted, Exit: exitRefused, Title: "an assembly that has not passed the environment before",
			Meaning: "A release reaches each environment by way of the one before, with assemblies that were synthesised " +
				"together.",
			Causes:   []string{"the environment before has another release", "it was synthesised for one environment alone"},
			Remedies: []string{"deploy this very assembly to the environment before; synthesise all environments at once"},
			Messages: []string{"a release reaches … by way of …"},
		},
		{
			Code: ReleaseNotKept, Title: "the cloud assembly of a release is no longer kept",
			Meaning:  "`garbage --remove` has removed the assemblies of old releases.",
			Causes:   []string{"a rollback further back than --keep"},
			Remedies: []string{"check out the commit that the message names, synthesise, and deploy that"},
			Messages: []string{
				"the cloud assembly of release … is no longer kept", "the cloud assembly of release … is not kept",
			},
		},
		{
			Code: ReleaseAltered, Exit: exitRefused, Title: "the kept cloud assembly of a release was changed",
			Meaning:  "The digest of what the bucket keeps is not that of what was deployed.",
			Causes:   []string{"the object was replaced in the bucket"},
			Remedies: []string{"find out who it was; the bucket keeps the older version of the object"},
			Messages: []string{"the kept cloud assembly of release … is not the one that was deployed"},
		},
		{
			Code: ReleasesDiffer, Exit: exitRefused, Title: "accounts of one environment with different releases",
			Meaning:  "The accounts of the environment would go back to releases that were not deployed together.",
			Causes:   []string{"a deployment that failed in some accounts", "an account that was added later"},
			Remedies: []string{"deploy one assembly to all of them, or name the release with --to"},
			Messages: []string{"account … in … went back to release …, and account … in … did not"},
		},
	}
}

func recordEntries() []Entry {
	return []Entry{
		{
			Code: RecordTampered, Exit: exitRefused, Title: "a release record was changed outside Lockstep",
			Meaning: "The chain of records does not match. Nothing is deployed after it.",
			Causes: []string{
				"a record was edited, replaced or deleted in the bucket",
				"`bootstrap.qualifier` was changed after releases: their records are in the former bucket",
			},
			Remedies: []string{
				"find out who changed it, and restore the older version of the record, which the bucket keeps",
				"go back to the former qualifier",
			},
			Messages: []string{"release record … was changed outside Lockstep"},
		},
		{
			Code: RecordDamaged, Title: "a document of the ledger is damaged",
			Meaning:  "The lock, the journal, a plan or an approval in the bucket is not what Lockstep writes.",
			Causes:   []string{"an edit by hand", "a version of Lockstep that is much older"},
			Remedies: []string{"restore the older version of the object, which the bucket keeps"},
			Messages: []string{"… is damaged: …"},
		},
		{
			Code: RecordNewer, Title: "a record of a newer Lockstep",
			Meaning:  "A newer version has written the record, and this one does not read it.",
			Causes:   []string{"two versions of Lockstep that work on the same environment"},
			Remedies: []string{"use the newer Lockstep"},
			Messages: []string{"release record … has version …"},
		},
		{
			Code: RecordMissing, Title: "an object of the ledger is missing",
			Meaning:  "An object that a record names is not in the bucket.",
			Causes:   []string{"it was deleted by hand or by a rule of the bucket"},
			Remedies: []string{"restore the version that the bucket keeps"},
			Messages: []string{"there is no such object"},
		},
		{
			Code: StagedExchanged, Exit: exitRefused, Title: "another object in the staging bucket",
			Meaning: "The staging bucket holds something else under the key of an asset than the assembly has. Or the " +
				"repository has another image under a tag than the one that was recorded.",
			Causes: []string{
				"an app that builds the same sources differently every time",
				"somebody has exchanged the object",
			},
			Remedies: []string{
				"see who wrote the object, delete it if nothing needs it, and run this again",
				"where the app's builds differ, set its assetHashType to OUTPUT",
			},
			Messages: []string{
				"the bucket … holds something else under …", "the repository … has the image … under …",
				"CloudFormation has read another template than the assembly's",
			},
		},
		{
			Code: RecordUnsigned, Exit: exitRefused, Title: "a plan or an approval that nobody has signed",
			Meaning: "The registration of a plan, or its approval, has no signature of a key that counts. Nothing is applied.",
			Causes: []string{
				"somebody who may write to the bucket, but not sign, has made or edited it",
				"it is from before the configuration had keys",
				"a rehearsal on accounts that another user has used",
			},
			Remedies: []string{"plan again, and approve that plan", "see that `signing` lists the keys that were in use"},
			Messages: []string{"… was changed outside Lockstep, or somebody else has made it: …"},
		},
		{
			Code: HeadMissing, Exit: exitRefused, Title: "the newest release is known to its own account alone",
			Meaning: "The tooling account keeps the number and the digest of the newest release. It has none of this account, " +
				"so nobody can tell whether releases were cut off.",
			Causes: []string{
				"a run that was cut off right after it recorded its release",
				"somebody has deleted the parameter",
			},
			Remedies: []string{"see that the newest release is the right one, then `lockstep deploy` writes it down"},
			Messages: []string{"the tooling account does not know that … is the newest release of …"},
		},
		{
			Code: SigningKey, Title: "a key that cannot sign or verify",
			Meaning: "The key is no key of the curve P-256 in PEM, or what it signs could not be verified with the public " +
				"keys of the configuration. Nothing was signed.",
			Causes: []string{
				"a new key whose public key is not in `signing` yet", "a key of KMS of another kind than ECC_NIST_P256",
				"a file that holds something else",
			},
			Remedies: []string{"export the public key of the key that signs, and add it to `signing` in `config/pipeline.yaml`"},
			Messages: []string{
				"the key that signs is another one than the public keys of the configuration",
				"it is no public key in PEM", "it is no key of the curve P-256",
			},
		},
		{
			Code: VerificationFailed, Title: "what is deployed is not what was released",
			Meaning: "Reading back found another template, state or output than the assembly has.",
			Causes:  []string{"a deployment by other means", "a stack that was deleted by hand"},
			Remedies: []string{
				"`plan` shows what a deployment would change, `drift` what was changed by hand; `deploy` sets it right",
			},
			Messages: []string{
				"what is deployed is not what the assembly holds", "the stack is not there",
				"what the bucket holds under … is not what the assembly has", "what was rebuilt is not what was there",
			},
		},
		{
			Code: AlarmsFiring, Title: "alarms fire after the deployment",
			Meaning: "The stacks are deployed and the release is recorded. Health alarms of theirs have come to state ALARM " +
				"since, or could not be read.",
			Causes:   []string{"the release itself", "verify also counts an alarm that was firing before"},
			Remedies: []string{"look at the alarms; `lockstep rollback` goes back if it is the release"},
		},
		{
			Code: Drifted, Title: "resources were changed by hand",
			Meaning:  "Resources differ from what was deployed to them.",
			Causes:   []string{"a change in the console, or by another tool"},
			Remedies: []string{"take the change over into the stacks, or revert it; see [operations](operations.md#drift)"},
			Messages: []string{"drifted: …"},
		},
		{
			Code: DriftUnknown, Title: "a stack could not be compared",
			Meaning:  "CloudFormation could not detect drift, which is not the same as no drift.",
			Causes:   []string{"a right that the role lacks to read a resource", "a stack that is being changed"},
			Remedies: []string{"do what the reason says, and run it again"},
			Messages: []string{"CloudFormation could not compare all of it: …"},
		},
		{
			Code: BehaviourDiffers, Title: "AWS does something else than was expected",
			Meaning: "The self-test saw AWS contradict a row of the catalogue of behaviours. Its stack was removed.",
			Causes:  []string{"AWS has changed what it does", "the catalogue's source was wrong, or was read wrongly"},
			Remedies: []string{
				"see [what AWS does](aws-behaviour.md) for what Lockstep relies on there",
				"report the line: until it is settled, do not deploy what depends on it",
			},
			Messages: []string{"AWS contradicts the catalogue in …"},
		},
	}
}
