package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lockstep/config"
	cdkapp "lockstep/internal/app"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/display"
	"lockstep/internal/fault"
	"lockstep/internal/repo"
	"lockstep/internal/report"
)

// An initializer writes the configuration of a repository that has none.
type initializer struct {
	app *app
	// root is the repository's root.
	root string

	folder       string
	project      string
	tooling      string
	environments []string
	dryRun       bool
	yes          bool

	found cdkapp.Found
	// first is where the first environment of the flags is; zero if they name none.
	first  config.Account
	stacks []stackPlace
	// qualifier is that of the bootstrap which the stacks need; empty for the CDK's, or if they do not agree.
	qualifier string
	// why says why the stacks are not known; empty if they are.
	why     string
	answers *bufio.Reader
}

func (a *app) initCommand() *cobra.Command {
	i := &initializer{app: a}
	cmd := &cobra.Command{
		Use: "init", Short: "Write the configuration of a repository that has a CDK app", Args: noArgs,
		Long: `Look at the repository, say what it holds, and write config/ and what Git and images leave out. What
cannot be found out is asked for, or named by flags. A configuration that is there is left as it is.

  lockstep init --yes --tooling 123456789012 --env dev=111122223333/eu-west-1 --env prod=222233334444/eu-west-1

The tooling account is the one that deploys from: its principals may assume the roles of deployments. It may be an
account that nothing is deployed to.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.finish(i.run(cmd.Context())) },
	}
	flags := cmd.Flags()
	flags.StringVar(&i.project, "project", "", "the project's name; by default that of the app's package, origin or root")
	flags.StringVar(&i.tooling, "tooling", "", "the account that deploys, as ACCOUNT or ACCOUNT/REGION")
	flags.StringArrayVar(&i.environments, "env", nil, "an environment, as NAME=ACCOUNT/REGION; repeated, in the order "+
		"of promotion")
	addPathFlag(flags, &i.folder, "folder", "the folder of the CDK app")
	flags.BoolVar(&i.yes, "yes", false, "ask nothing: take what was found")
	flags.BoolVar(&i.dryRun, "dry-run", false, "show what would be written, and write nothing")
	return cmd
}

// run looks at the repository, completes what is missing, and writes the files.
func (i *initializer) run(ctx context.Context) (result, error) {
	root, err := filepath.Abs(cmp.Or(i.app.dir, "."))
	if err != nil {
		return nil, err
	}
	if i.root, err = filepath.EvalSymlinks(root); err != nil {
		return nil, usagef(fault.NoSuchPath, "there is no folder %s", i.app.dir)
	}
	if _, err := os.Stat(filepath.Join(i.root, filepath.FromSlash(rootMarker))); err == nil {
		return messagef("%s is there already, so nothing was changed; `lockstep config validate` checks it", rootMarker), nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	folder, err := i.appFolder()
	if err != nil {
		return nil, err
	}
	if i.found, err = cdkapp.Find(i.root, folder); err != nil {
		return nil, err
	}
	if len(i.environments) > 0 {
		if _, i.first, err = parseEnvironment(i.environments[0]); err != nil {
			return nil, err
		}
	}
	i.preview(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	i.showFindings()
	if err := i.complete(ctx); err != nil {
		return nil, err
	}
	return i.write(ctx)
}

// appFolder returns the folder of the flag, relative to the repository; empty if there is no flag.
func (i *initializer) appFolder() (string, error) {
	if i.folder == "" {
		return "", nil
	}
	path, err := filepath.Abs(i.folder)
	if err != nil {
		return "", err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", usagef(fault.NoSuchPath, "there is no folder %s", i.folder)
	}
	name, err := filepath.Rel(i.root, path)
	if err != nil || !filepath.IsLocal(name) {
		return "", usagef(fault.NoSuchPath, "%s is not in the repository %s", i.folder, i.root)
	}
	return filepath.ToSlash(name), nil
}

// A stackPlace is a stack and where the app puts it; empty for wherever the environment is.
type stackPlace struct{ id, account, region string }

// unknownPlace stands for the account and region of a stack that names none.
var unknownPlace = assembly.Defaults{Account: "000000000000", Region: "us-east-1"}

// preview synthesises the app, if that works, and notes its stacks.
func (i *initializer) preview(ctx context.Context) {
	out, err := os.MkdirTemp("", "lockstep-init-")
	if err != nil {
		i.why = err.Error()
		return
	}
	defer os.RemoveAll(out)
	i.app.printProgress("synthesising the app once, to see its stacks")
	runner := cdkapp.App{
		Root: i.root, Folder: i.found.Folder, Language: i.found.Language, Environ: i.app.Environ,
		Command: i.found.Run(), Log: display.NewWriter(i.app.Stderr),
	}
	if err := runner.Preview(ctx, out, i.first); err != nil {
		i.why = err.Error()
		return
	}
	defaults := unknownPlace
	if i.first.ID != "" {
		defaults = assembly.Defaults{Account: i.first.ID, Region: i.first.Region}
	}
	stacks, err := readStacks(out, defaults)
	if err != nil {
		i.why = err.Error()
		return
	}
	i.stacks, i.qualifier = placeStacks(stacks, defaults), commonQualifier(stacks)
}

// placeStacks returns the stacks of an assembly with the places that the app names besides that of the environment.
func placeStacks(stacks []*assembly.Stack, defaults assembly.Defaults) []stackPlace {
	var places []stackPlace
	for _, stack := range stacks {
		place := stackPlace{cmp.Or(stack.Path, stack.ID), stack.Account, stack.Region}
		if place.account == unknownPlace.Account || stack.Place() == assembly.Place(defaults) {
			place.account, place.region = "", ""
		}
		places = append(places, place)
	}
	return places
}

// versionParameter matches the parameter with the version of a bootstrap, as the CDK's synthesizer names it.
var versionParameter = regexp.MustCompile(`^/cdk-bootstrap/([a-z0-9]{1,10})/version$`)

// commonQualifier returns the qualifier of the bootstrap that all stacks need; empty if they need none, or several.
func commonQualifier(stacks []*assembly.Stack) string {
	common := ""
	for _, stack := range stacks {
		for _, requirement := range stack.BootstrapRequirements {
			found := versionParameter.FindStringSubmatch(requirement.Parameter)
			if found == nil || common != "" && found[1] != common {
				return ""
			}
			common = found[1]
		}
	}
	return common
}

// placesOf returns the places besides its own that the n-th environment needs for the stacks that were found. They were
// found for the first one: what is in its account is in the account of each environment.
func (i *initializer) placesOf(n int, own config.Account) []config.Account {
	var places []config.Account
	for _, stack := range i.stacks {
		p := config.Account{ID: stack.account, Region: stack.region}
		switch {
		case n > 0 && p.ID == i.first.ID:
			p.ID = own.ID
		case n > 0 && p.ID != own.ID:
			continue
		}
		if p.ID != "" && p != own && i.mayHave(n, p) && !slices.Contains(places, p) {
			places = append(places, p)
		}
	}
	return places
}

// mayHave reports whether the n-th environment may have a place: an account that is no placeholder, and neither the
// tooling account nor that of another environment.
func (i *initializer) mayHave(n int, p config.Account) bool {
	tooling, _, _ := strings.Cut(i.tooling, "/")
	for other, written := range i.environments {
		if _, own, err := parseEnvironment(written); err == nil && other != n && own.ID == p.ID {
			return false
		}
	}
	return accountPattern.MatchString(p.ID) && p.ID != tooling &&
		assembly.Partition(p.Region) == assembly.Partition(i.first.Region)
}

// accountPattern matches the id of an account.
var accountPattern = regexp.MustCompile(`^[0-9]{12}$`)

// showFindings says what was found.
func (i *initializer) showFindings() {
	f := i.found
	line := "found a CDK app"
	if f.Language != "" {
		line += " in " + f.Language
	}
	if f.Folder != "" {
		line += " in the folder " + f.Folder
	}
	line += ": `" + f.Run() + "`"
	if f.Packages != "" {
		line += ", packages by " + f.Packages
	}
	i.app.printProgress(line)
	if i.why != "" {
		i.app.printProgress("its stacks are not known yet: " + i.why)
	}
	for _, stack := range i.stacks {
		where := "wherever the environment is"
		if stack.account != "" {
			where = "account " + stack.account + ", " + stack.region
		}
		i.app.printProgress("  stack " + stack.id + ": " + where)
	}
}

// notInName matches what a project's name cannot have.
var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// maxProjectName is the length of the longest name of a project. Source: the schema of config/pipeline.yaml.
const maxProjectName = 20

// projectName returns a project's name from that of a package or a folder, in the form that the configuration takes.
func projectName(from string) string {
	whole := strings.Trim(notInName.ReplaceAllString(strings.ToLower(from), "-"), "-")
	name := strings.TrimLeft(whole, "-0123456789")
	if !config.MayBeProject(name) {
		name = "app-" + whole
	}
	if len(name) > maxProjectName {
		end := maxProjectName
		if i := strings.LastIndex(name[:maxProjectName+1], "-"); i > 1 {
			end = i
		}
		name = name[:end]
	}
	return strings.Trim(name, "-")
}

// complete fills in what the flags leave out: from what was found, or by asking.
func (i *initializer) complete(ctx context.Context) error {
	origin := repo.New(i.root, i.app.Environ).OriginName(ctx) // in a container, the folder has a name of its own
	name := projectName(cmp.Or(i.found.Name, origin, filepath.Base(i.root)))
	if i.project == "" {
		i.project = i.ask("the project's name", name)
	}
	if len(i.environments) == 0 {
		suggestion := ""
		if place := i.onlyPlace(); place != "" {
			suggestion = "dev=" + place
		}
		i.environments = strings.Fields(i.ask("the environments, as NAME=ACCOUNT/REGION", suggestion))
	}
	if i.tooling == "" {
		i.tooling = i.ask("the account that deploys", "")
	}
	var missing []string
	for _, value := range []struct {
		isMissing bool
		flag      string
	}{
		{i.project == "", "--project NAME"},
		{i.tooling == "", "--tooling ACCOUNT"},
		{len(i.environments) == 0, "--env NAME=ACCOUNT/REGION"},
	} {
		if value.isMissing {
			missing = append(missing, value.flag)
		}
	}
	if len(missing) > 0 {
		return usagef(fault.FlagMissing, "what nobody can know but you is missing: write %s", enumerate(missing))
	}
	return nil
}

// onlyPlace returns ACCOUNT/REGION of the one place that all stacks name; empty if there is none.
func (i *initializer) onlyPlace() string {
	if len(i.stacks) == 0 || i.stacks[0].account == "" {
		return ""
	}
	first := i.stacks[0]
	isOther := func(s stackPlace) bool { return s.account != first.account || s.region != first.region }
	if slices.ContainsFunc(i.stacks, isOther) {
		return ""
	}
	return first.account + "/" + first.region
}

// ask returns a person's answer, or the suggestion where nobody can be asked.
func (i *initializer) ask(what, suggestion string) string {
	if i.yes || i.app.json || i.app.Stdin == nil || !isTerminal(i.app.Stderr, i.app.Environ) {
		return suggestion
	}
	if i.answers == nil {
		i.answers = bufio.NewReader(i.app.Stdin)
	}
	prompt := what
	if suggestion != "" {
		prompt += " [" + suggestion + "]"
	}
	fmt.Fprint(i.app.Stderr, display.Line(prompt)+": ")
	line, err := i.answers.ReadString('\n')
	if err != nil {
		return suggestion
	}
	return cmp.Or(strings.TrimSpace(line), suggestion)
}

// An initResult is the files that init has written.
type initResult struct {
	report.Envelope
	Files  []string `json:"files"`
	DryRun bool     `json:"dryRun,omitempty"`
	text   string
}
