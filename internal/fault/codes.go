package fault

// A Code names one kind of refusal or failure, such as LS-509. Its number is never changed and never used again for
// another kind: scripts, runbooks and search engines hold it.
type Code string

// Command lines that cannot be understood. Exit status 2.
const (
	UnknownCommand     Code = "LS-101"
	UnknownFlag        Code = "LS-102"
	FlagValue          Code = "LS-103"
	FlagMissing        Code = "LS-104"
	FlagConflict       Code = "LS-105"
	UnwantedArgument   Code = "LS-106"
	NoProject          Code = "LS-107"
	NoSuchPath         Code = "LS-108"
	OutputPath         Code = "LS-109"
	UnknownName        Code = "LS-110"
	UnknownEnvironment Code = "LS-111"
)

// Configuration that cannot be used. Exit status 2.
const (
	ConfigSyntax     Code = "LS-201"
	ConfigUnreadable Code = "LS-202"
	ConfigKey        Code = "LS-203"
	ConfigValue      Code = "LS-204"
	ConfigMissing    Code = "LS-205"
	ConfigConflict   Code = "LS-206"
	ConfigSecret     Code = "LS-207"
	ConfigSteps      Code = "LS-208"
)

// Source, build and synthesis.
const (
	NoRepository      Code = "LS-301"
	SourceUnreadable  Code = "LS-302"
	GitFailed         Code = "LS-303"
	ToolMissing       Code = "LS-310"
	ToolNotInstalled  Code = "LS-311"
	ToolBroken        Code = "LS-312"
	StepFailed        Code = "LS-313"
	StepOutput        Code = "LS-314"
	StepProcess       Code = "LS-315"
	ToolChanged       Code = "LS-316"
	ImageRegistry     Code = "LS-320"
	ImageReference    Code = "LS-321"
	SynthFailed       Code = "LS-330"
	AppError          Code = "LS-331"
	LookupsMissing    Code = "LS-332"
	AssemblyMissing   Code = "LS-333"
	AssemblyEmpty     Code = "LS-334"
	AssemblyDamaged   Code = "LS-335"
	AssemblySchema    Code = "LS-336"
	AssetUnusable     Code = "LS-337"
	AssetNotSupported Code = "LS-338"
	TemplateUnusable  Code = "LS-339"
	TooManyAssemblies Code = "LS-340"
	AppUnknown        Code = "LS-341"
	AppDependencies   Code = "LS-342"
)

// Gates: quality, tests and security scans.
const (
	QualityFailed  Code = "LS-401"
	TestsFailed    Code = "LS-411"
	NoTestRan      Code = "LS-412"
	CoverageFloor  Code = "LS-413"
	SecurityFailed Code = "LS-421"
	WaiverExpired  Code = "LS-422"
	GateNotRun     Code = "LS-431"
	GateReport     Code = "LS-432"
	GateProgram    Code = "LS-433"
	// WorkflowOutdated is of a generated file of another CI service.
	WorkflowOutdated Code = "LS-434"
)

// Plans and approvals. Exit status 3 unless nothing was refused.
const (
	PlanMissing      Code = "LS-501"
	PlanDamaged      Code = "LS-502"
	PlanAltered      Code = "LS-503"
	PlanOtherTarget  Code = "LS-504"
	PlanOtherContent Code = "LS-505"
	PlanUnknown      Code = "LS-506"
	PlanSpent        Code = "LS-507"
	PlanExpired      Code = "LS-508"
	PlanNotApproved  Code = "LS-509"
	PlanApproved     Code = "LS-510"
	PlanStale        Code = "LS-511"
	PlanChangeSet    Code = "LS-512"
	PlanDeferred     Code = "LS-513"
	PlanRequired     Code = "LS-514"
	ChangesNotNamed  Code = "LS-520"
	WouldBeRefused   Code = "LS-521"
	ValuesRefused    Code = "LS-522"
	Destination      Code = "LS-523"
	AssemblyAltered  Code = "LS-524"
	OtherApprover    Code = "LS-525"
	NotExpected      Code = "LS-526"
)

// Deployments, releases and their records.
const (
	LockHeld           Code = "LS-601"
	LockLost           Code = "LS-602"
	LockOtherHolder    Code = "LS-603"
	RecordContention   Code = "LS-604"
	StackFailed        Code = "LS-610"
	StackState         Code = "LS-611"
	RollbackStuck      Code = "LS-612"
	ChangeSetFailed    Code = "LS-613"
	ChangeSetGone      Code = "LS-614"
	StackEmpty         Code = "LS-615"
	ParameterMissing   Code = "LS-616"
	WaitInterrupted    Code = "LS-617"
	AccountNotStarted  Code = "LS-618"
	NothingDeployed    Code = "LS-620"
	NoRelease          Code = "LS-621"
	NotPromoted        Code = "LS-622"
	ReleaseNotKept     Code = "LS-623"
	ReleaseAltered     Code = "LS-624"
	ReleasesDiffer     Code = "LS-625"
	RecordTampered     Code = "LS-630"
	RecordDamaged      Code = "LS-631"
	RecordNewer        Code = "LS-632"
	RecordMissing      Code = "LS-633"
	StagedExchanged    Code = "LS-634"
	RecordUnsigned     Code = "LS-635"
	HeadMissing        Code = "LS-636"
	SigningKey         Code = "LS-637"
	VerificationFailed Code = "LS-640"
	AlarmsFiring       Code = "LS-641"
	Drifted            Code = "LS-642"
	DriftUnknown       Code = "LS-643"
)

// Access, accounts and AWS itself.
const (
	NoCredentials      Code = "LS-701"
	CredentialsExpired Code = "LS-702"
	CredentialsRefused Code = "LS-703"
	ClockWrong         Code = "LS-704"
	NoRegion           Code = "LS-705"
	RegionDisabled     Code = "LS-706"
	AWSSettings        Code = "LS-707"
	WrongAccount       Code = "LS-710"
	RoleNotAssumed     Code = "LS-711"
	RoleOtherAccount   Code = "LS-712"
	StackOtherAccount  Code = "LS-713"
	RoleUnusable       Code = "LS-714"
	StackSelection     Code = "LS-715"
	StackNameTwice     Code = "LS-716"
	StackOwned         Code = "LS-717"
	NotBootstrapped    Code = "LS-720"
	BootstrapOld       Code = "LS-721"
	BootstrapNewer     Code = "LS-722"
	BootstrapFailed    Code = "LS-723"
	BucketMissing      Code = "LS-724"
	BucketElsewhere    Code = "LS-725"
	BootstrapDiffers   Code = "LS-726"
	AccessDenied       Code = "LS-730"
	KeyDenied          Code = "LS-731"
	NoSuchResource     Code = "LS-732"
	Unreachable        Code = "LS-740"
	Untrusted          Code = "LS-741"
	ProxyFailed        Code = "LS-742"
	OtherEndpoint      Code = "LS-743"
	Throttled          Code = "LS-744"
	AWSFault           Code = "LS-745"
	AWSRefused         Code = "LS-746"
	ServiceRefused     Code = "LS-747"
)

// The rehearsal, this machine, and what earlier runs left on it.
const (
	RehearsalInUse    Code = "LS-801"
	PortTaken         Code = "LS-802"
	EmulatorFailed    Code = "LS-803"
	EmulatorUnknown   Code = "LS-804"
	EmulatorRemote    Code = "LS-805"
	EmulatorTemplate  Code = "LS-806"
	RehearsalOnly     Code = "LS-807"
	EmulatorSecret    Code = "LS-808"
	MachineLacks      Code = "LS-810"
	DiskFull          Code = "LS-811"
	NotPermitted      Code = "LS-812"
	FileMissing       Code = "LS-813"
	FileKind          Code = "LS-814"
	FileTooLarge      Code = "LS-815"
	TooManyFiles      Code = "LS-816"
	DiskFailed        Code = "LS-817"
	OutputUnread      Code = "LS-818"
	PathUnusable      Code = "LS-819"
	DocumentDamaged   Code = "LS-820"
	SystemRefused     Code = "LS-821"
	NoRun             Code = "LS-830"
	RunUnfinished     Code = "LS-831"
	RunDamaged        Code = "LS-832"
	HooksNotInstalled Code = "LS-833"
	StateCommitted    Code = "LS-834"
	MaintenanceDue    Code = "LS-840"
	MaintenanceNotRun Code = "LS-841"
	NotRecorded       Code = "LS-842"
)

// The program itself.
const (
	Unexpected  Code = "LS-901"
	Panicked    Code = "LS-902"
	Interrupted Code = "LS-903"
	TableBroken Code = "LS-904"
)
