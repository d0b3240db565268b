package mutants

// accountAttacks take away what stops an attack that tests/attacks make on the whole of Lockstep, or on the emulated
// accounts.
var accountAttacks = []Mutant{
	{
		Fault:   "an asset is published under any key",
		File:    "internal/deploy/destinations.go",
		Old:     "if !staging.IsAssetKey(a.Key) {",
		New:     `if !staging.IsAssetKey(a.Key) && a.Key == "" {`,
		Package: "./tests/attacks", Fails: []string{
			"TestNames_OfAssemblyLeadToBootstrapOnly/an asset is a release record",
			"TestNames_OfAssemblyLeadToBootstrapOnly/an asset is an approval",
		},
	},
	{
		Fault: "any role is assumed that an assembly names",
		File:  "internal/deploy/destinations.go", Old: "role != want {", New: `role != want && role == "" {`,
		Package: "./tests/attacks", Fails: []string{
			"TestNames_OfAssemblyLeadToBootstrapOnly/a strong role for the stack",
			"TestNames_OfAssemblyLeadToBootstrapOnly/another execution role",
		},
	},
	{
		Fault: "a nested template is taken for an archive",
		File:  "internal/deploy/destinations.go", Old: "a.Key == key && !a.Zip", New: "a.Key == key && a.Zip",
		Package: "./tests/attacks", Fails: []string{"TestNames_NestedTemplateOfTheAssemblyIsTaken"},
	},
	{
		Fault: "a link may lead to any path",
		File:  "internal/fsx/dir.go", Old: `path.IsAbs(target) || target == ""`, New: `target == ""`,
		Package: "./tests/attacks", Fails: []string{"TestLinks_OutOfAssemblyAreRefused/a file that nothing names"},
		OtherPackages: map[string][]string{"./internal/fsx": {"TestCheckLink_RefusesWhatLeadsOut"}},
	},
	{
		Fault: "what the bucket holds under an asset's key is taken for the asset",
		File:  "internal/deploy/staging/assets.go", Old: "if held.sum == sum {", New: "if held.sum.Size >= 0 {",
		Package: "./tests/attacks", Fails: []string{
			"TestStaged_ExchangedTemplateIsNotDeployed", "TestStaged_ExchangedFunctionIsNotDeployed",
			"TestStaged_ExchangedBeforeExecution/between the plan and its application",
			"TestStaged_ExchangedBeforeExecution/between the change set and its execution",
			"TestStaged_ObjectOfAnotherProjectIsNotReplaced",
		},
	},
	{
		Fault: "the template that CloudFormation has read is not looked at",
		File:  "internal/deploy/cfn/changeset.go", Old: `if want.TemplateURL == "" { // it was a part of the request`,
		New:     `if want != nil {`,
		Package: "./tests/attacks", Fails: []string{"TestStaged_TemplateExchangedAsCloudFormationReadsIt"},
	},
	{
		Fault:   "verify takes whatever is in the bucket",
		File:    "internal/deploy/assets.go",
		Old:     "err == nil && holds {",
		New:     "err == nil && len(s.Assets) > 0 || holds {",
		Package: "./tests/attacks", Fails: []string{
			"TestStaged_ExchangedLaterIsNoticedByVerify", "TestBytes_ChangedByteIsNamed/a staged object",
		},
	},
	{
		Fault: "an image is not compared with what was recorded of it",
		File:  "internal/deploy/images.go", Old: `if known.digest != "" && known.digest != got {`,
		New:     `if known.digest == "-" {`,
		Package: "./internal/deploy",
		Fails:   []string{"TestImages_ExchangedImageIsRefused", "TestImages_PlanIsOfOneImage/exchanged"},
	},
	{
		Fault: "the image that another run has pushed is taken for the own one",
		File:  "internal/deploy/staging/repository.go", Old: "err == nil && got != content.digest {",
		New:     `err == nil && got == "" {`,
		Package: "./internal/deploy", Fails: []string{"TestImages_TagThatIsTakenMeanwhile"},
	},
	{
		Fault: "a Dockerfile may be anywhere",
		File:  "internal/deploy/assembly/images.go",
		Old:   `if file == "" || path.IsAbs(file) || !fs.ValidPath(path.Clean(file)) || `,
		New:   `if file == "" || `, Package: "./internal/deploy/assembly",
		Fails: []string{"TestRead_ImageIsWhollyInTheAssembly/a Dockerfile above"},
	},
	{
		Fault: "the value of an option of a build is an argument of its own",
		File:  "internal/builder/builder.go", Old: `append(args, "--"+option+"="+value)`,
		New:     `append(args, "--"+option, value)`,
		Package: "./internal/builder", Fails: []string{"TestBuilder_ArgumentsAreThoseOfTheCDK"},
	},
	{
		Fault: "a build takes every secret that it asks for",
		File:  "internal/builder/secrets.go", Old: "if !slices.Contains(released, source) {",
		New:     "if len(released) > 9 {",
		Package: "./internal/builder", Fails: []string{"TestBuilder_SecretsAreReleasedByName/a file"},
	},
	{
		Fault: "a link may lead out of the folder of an image",
		File:  "internal/builder/builder.go", Old: "content, err := digest.OfFiles(folder)",
		New:     "_ = folder\n\tcontent, err := digest.OfFiles(files)",
		Package: "./internal/builder", Fails: []string{"TestBuilder_LinksStayInTheFolder"},
	},
	{
		Fault: "a field of a builder's option may hold further ones",
		File:  "internal/deploy/assembly/images.go",
		Old:   `!strings.ContainsAny(name, "=,\"\r\n\x00") && !strings.ContainsAny(value, ",\"\r\n\x00")`,
		New:   `!strings.ContainsAny(value, "\x00")`, Package: "./internal/deploy/assembly",
		Fails: []string{
			"TestCheckSource_RefusesOptionsThatBuildersReadOtherwise/the same in a value",
			"TestCheckSource_RefusesOptionsThatBuildersReadOtherwise/a file in the id",
		},
	},
	{
		Fault: "a builder signs in to any cache as the person",
		File:  "internal/deploy/assembly/images.go",
		Old:   "isSupported := c.Type == wanted", New: `isSupported := c.Type != "local"`,
		Package: "./internal/deploy/assembly",
		Fails:   []string{"TestCheckSource_RefusesOptionsThatBuildersReadOtherwise/credentials of AWS for S3"},
	},
	{
		Fault: "a file in the archive of an image may be larger than the archive",
		File:  "internal/builder/bounds.go", Old: "case header.Size > info.Size():", New: "case info.Size() == 0:",
		Package: "./internal/builder",
		Fails:   []string{"TestBuilder_ArchiveIsBounded/a layer that is larger than its archive"},
	},
	{
		Fault: "what an archive says of its image is read whatever its size",
		File:  "internal/builder/bounds.go", Old: "case isLimited && header.Size > limit:",
		New:     "case isLimited && limit == 0:",
		Package: "./internal/builder", Fails: []string{"TestBuilder_ArchiveIsBounded/a manifest that is too large"},
	},
	{
		Fault: "a build prints the secrets that it was given",
		File:  "internal/builder/builder.go", Old: "line = hide.Replace(line)", New: "line = strings.Clone(line)",
		Package: "./internal/builder", Fails: []string{"TestBuilder_OutputHasNoSecrets"},
	},
	{
		Fault: "a builder that is named by its path is taken from the folder of an image",
		File:  "internal/builder/builder.go", Old: "		return absolute\n", New: "		_ = absolute\n",
		Package: "./internal/builder", Fails: []string{"TestBuilder_ImageBringsNoBuilder"},
	},
	{
		Fault: "a second content under one key replaces the first",
		File:  "internal/deploy/assets.go", Old: "first != any(sum)", New: "first == nil",
		Package: "./tests/attacks", Fails: []string{"TestStaged_TwoContentsUnderOneKeyAreRefused"},
	},
	{
		Fault: "an archive is unpacked whatever the record says of it",
		File:  "internal/deploy/staging/kept.go", Old: `archiveHash != "" && got != archiveHash`, New: `got == ""`,
		Package: "./tests/attacks", Fails: []string{
			"TestKept_ExchangedArchiveIsNotUnpacked/a link to a folder",
			"TestKept_ExchangedArchiveIsNotUnpacked/another assembly", "TestBytes_ChangedByteIsNamed/a kept assembly",
		},
	},
	{
		Fault: "the digest of a plan is not compared",
		File:  "internal/deploy/planfile/planfile.go", Old: "if !matches {", New: `if !matches && f.Digest == "" {`,
		Package: "./tests/attacks", Fails: []string{
			"TestPlan_AmbiguousFileIsRefused/white space", "TestPlan_AmbiguousFileIsRefused/an escape",
			"TestBytes_ChangedByteIsNamed/a plan",
		},
	},
	{
		Fault: "a name may be there twice",
		File:  "internal/jsonx/jsonx.go", Old: "v1.FormatDurationAsNano(true))",
		New:     "v1.FormatDurationAsNano(true), jsontext.AllowDuplicateNames(true))",
		Package: "./tests/attacks", Fails: []string{
			"TestLedger_AmbiguousDocumentIsNotBelieved/the lock/a member is there twice",
			"TestLedger_AmbiguousDocumentIsNotBelieved/an approval/a member is there twice",
			"TestRecords_AmbiguousFileIsDamaged/a member is there twice",
			"TestManifest_AmbiguousFileIsRefused/manifest.json/a member is there twice",
		},
		OtherPackages: map[string][]string{"./internal/jsonx": {"TestUnmarshal_RefusesAmbiguousText"}},
	},
	{
		Fault:   "a run without its lock goes on writing",
		File:    "internal/awsclient/fence.go",
		Old:     "guard == nil || call == nil ||",
		New:     "guard == nil || call != nil ||",
		Package: "./tests/attacks", Fails: []string{
			"TestFence_RunWithoutLockWritesNothing/another run took it over",
			"TestFence_RunWithoutLockWritesNothing/it was damaged",
		},
		OtherPackages: map[string][]string{"./internal/awsclient": {
			"TestFence_StandsBeforeEveryWriteOfEveryClient", "TestFence_AsksAgainWhenAnAnswerIsOld",
		}},
	},
	{
		Fault:   "a document that nobody has signed counts",
		File:    "internal/deploy/ledger/signing.go",
		Old:     "if len(t.Keys) == 0 {\n\t\treturn nil\n",
		New:     "if key != \"\" {\n\t\treturn nil\n",
		Package: "./tests/attacks", Fails: []string{
			"TestRecords_ForgedApprovalIsRefused/unsigned", "TestRecords_ForgedPlanIsRefused/signed",
			"TestRecords_SpentPlanIsNotMadeFreshAgain",
		},
	},
	{
		Fault: "a signature counts whosever it is",
		File:  "internal/deploy/ledger/signing.go", Old: "return found, &UnsignedError{Key: key, Reason: err.Error()}",
		New:     "return Signature{KeyID: key, FileDigest: found.FileDigest}, nil",
		Package: "./tests/attacks", Fails: []string{
			"TestRecords_ChangedByteIsNamed", "TestRecords_ForgedRecordIsNamed/signed by another key",
			"TestRecords_ForgedRecordIsNamed/signature of another record",
			"TestRecords_ForgedApprovalIsRefused/signed by another key",
		},
	},
	{
		Fault: "records may be cut off where the tooling account knows no head",
		File:  "internal/deploy/ledger/heads.go", Old: "if err == nil && h.Number == 0 {",
		New:     "if err == nil && h.Number < 0 {",
		Package: "./tests/attacks", Fails: []string{"TestRecords_UnknownHeadIsTold"},
	},
	{
		Fault: "what is wrong with exported files is not said",
		File:  "internal/attest/files.go", Old: "errors.Join(errs...)", New: "errors.Join()",
		Package: "./tests/attacks", Fails: []string{"TestRecords_ExportedFilesVerifyWithoutTheAccount"},
	},
	{
		Fault:   "who may read records may write them",
		File:    "internal/bootstrap/roles.go",
		Old:     `of deployments", nil,` + "\n\t\t\t\tallow(ledgerObjects, \"s3:GetObject\")",
		New:     `of deployments", nil,` + "\n\t\t\t\tallow(ledgerObjects, \"s3:GetObject\", \"s3:PutObject\")",
		Package: "./tests/attacks", Fails: []string{"TestRights_LedgerIsWrittenByItsWriterAlone"},
		OtherPackages: map[string][]string{"./internal/bootstrap": {"TestRoles_MayDoNoMoreThanTheirUse"}},
	},
	{
		Fault: "who plans may execute",
		File:  "internal/bootstrap/roles.go", Old: `"cloudformation:CreateChangeSet", `,
		New:     `"cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet", `,
		Package: "./tests/attacks", Fails: []string{"TestRights_PlannerExecutesNothing"},
	},
	{
		Fault: "records of earlier versions are left in the bucket of the CDK",
		File:  "internal/bootstrap/records.go", Old: "if err != nil || len(records) == 0 {",
		New:     "if err != nil || len(records) >= 0 {",
		Package: "./tests/attacks", Fails: []string{"TestAWS_C10_BootstrapMovesTheRecords"},
	},
	{
		Fault: "the emulated accounts believe a signature that does not match",
		File:  "internal/rehearsal/access.py", Old: "    if failure:\n", New: "    if failure and not secret:\n",
		Package: "./tests/attacks", Fails: []string{
			"TestEmulator_RefusesStrangers/a guessed secret", "TestEmulator_RefusesStrangers/a body that was exchanged",
			"TestStranger_HasNoCallAndNoFile",
		},
	},
	{
		Fault: "the emulated accounts run the code of any function",
		File:  "internal/rehearsal/access.py", Old: "and not self.runs_code():", New: "and self.runs_code() is None:",
		Package: "./tests/attacks", Fails: []string{"TestEmulator_RunsNoCodeThatNoStackNeeds"},
	},
	{
		Fault: "the root of an emulated account is taken for a service",
		File:  "internal/rehearsal/accounts.py", Old: `if kind != "Service"}`, New: `if kind}`,
		Package: "./tests/attacks", Fails: []string{"TestEmulator_RootIsNoService"},
	},
	{
		Fault: "the code of a custom resource sees the person's files",
		File:  "internal/rehearsal/confinement.py", Old: "    call(libc, RESTRICT_SELF, ruleset, 0)\n", New: "",
		Package: "./tests/attacks", Fails: []string{"TestEmulator_CodeOfCustomResourceIsConfined"},
	},
	{
		Fault: "the emulated accounts write files for everybody",
		File:  "internal/rehearsal/accounts.py", Old: "os.umask(0o077)", New: "os.umask(0)",
		Package: "./tests/attacks", Fails: []string{"TestEmulator_OtherUsersReadNothing"},
	},
	{
		Fault:   "a folder of tools that an earlier version made stays open",
		File:    "tools/install.go",
		Old:     "if err := fsx.MakePrivate(i.dir); err != nil { // an earlier version let others in",
		New:     "if err := i.makeDir(); err != nil {",
		Package: "./tests/attacks", Fails: []string{"TestCache_OtherUsersStayOut"},
	},
	{
		Fault:   "the CDK app has the person's home",
		File:    "internal/host/confine.go",
		Old:     `env := []string{"HOME=" + home}`,
		New:     `env := []string{"HOME=" + m.home}`,
		Package: "./tests/attacks", Fails: []string{"TestSynth_SeesNothingOfThePerson"},
	},
	{
		Fault: "what is committed is taken for the user's own",
		File:  "internal/repo/committed.go", Old: "return !isState(name)", New: "return isState(name)",
		Package: "./tests/attacks", Fails: []string{
			"TestCommandLine_IsAttacked/with committed state/.env",
			"TestCommandLine_IsAttacked/with committed state/.lockstep/cache/entries/a.json",
		},
	},
}
