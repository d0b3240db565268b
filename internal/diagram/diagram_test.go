package diagram

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/pipeline"
)

// A testStack is a stack of an assembly that a test makes.
type testStack struct {
	name, environment string
	needs             []string
	template          map[string]any
}

// newAssembly returns an assembly with the stacks, whose ids are s0, s1 and so on.
func newAssembly(t *testing.T, name string, stacks ...testStack) Assembly {
	t.Helper()
	files, artifacts := fstest.MapFS{}, map[string]any{}
	for i, s := range stacks {
		id := fmt.Sprintf("s%d", i)
		environment := s.environment
		if environment == "" {
			environment = "aws://111122223333/eu-west-1"
		}
		if s.template == nil {
			s.template = resources("AWS::SNS::Topic")
		}
		artifacts[id] = map[string]any{
			"type": "aws:cloudformation:stack", "environment": environment, "dependencies": s.needs,
			"properties": map[string]any{
				"stackName": s.name, "templateFile": id + ".json",
				"assumeRoleArn":                  "arn:aws:iam::111122223333:role/cdk-x-deploy-role-111122223333-eu-west-1",
				"cloudFormationExecutionRoleArn": "arn:aws:iam::111122223333:role/cdk-x-cfn-exec-role-111122223333-eu-west-1",
			},
		}
		files[id+".json"] = jsonFile(t, s.template)
	}
	files["manifest.json"] = jsonFile(t, map[string]any{"version": "36.0.0", "artifacts": artifacts})
	read, err := assembly.Read(files, assembly.Defaults{})
	require.NoError(t, err)
	return Assembly{Name: name, Assembly: read}
}

func jsonFile(t *testing.T, content any) *fstest.MapFile {
	t.Helper()
	text, err := json.Marshal(content)
	require.NoError(t, err)
	return &fstest.MapFile{Data: text}
}

// resources returns a template with a resource of each type.
func resources(types ...string) map[string]any {
	all := map[string]any{}
	for i, name := range types {
		all[fmt.Sprintf("R%d", i)] = map[string]any{"Type": name}
	}
	return map[string]any{"Resources": all}
}

// platform returns the platform that the tests are about, with an assembly of one stack for each environment.
func platform(t *testing.T) Platform {
	t.Helper()
	c, err := config.Load(os.DirFS("../../config/testdata/platform"))
	require.NoError(t, err)
	g, err := pipeline.NewGraph(pipeline.Steps(c))
	require.NoError(t, err)
	p := Platform{Config: c, Graph: g, Detailed: "prod"}
	for _, env := range c.Targets() {
		p.Assemblies = append(p.Assemblies, newAssembly(t, env.Name, testStack{
			name: "lockstep-" + env.Name + "-data", environment: "aws://" + env.ID + "/" + env.Region,
			template: resources("AWS::RDS::DBCluster", "AWS::KMS::Key"),
		}))
	}
	return p
}

// drawOne returns the diagram of that name.
func drawOne(t *testing.T, p Platform, name string) Diagram {
	t.Helper()
	drawn, omitted := Draw(p)
	for _, d := range drawn {
		if d.Name == name {
			return d
		}
	}
	require.Fail(t, "it is not drawn", "%s: %v", name, omitted)
	return Diagram{}
}

// arrowsOf returns the arrows as the first lines of their boxes.
func arrowsOf(d Diagram) []string {
	var all []string
	for _, a := range d.Arrows {
		all = append(all, a.From.Lines[0]+" -> "+a.To.Lines[0])
	}
	return all
}

func TestDraw_PlatformHasEveryDiagram(t *testing.T) {
	drawn, omitted := Draw(platform(t))
	assert.Empty(t, omitted)
	var names []string
	for _, d := range drawn {
		names = append(names, d.Name)
		assert.NotEmpty(t, d.Boxes, d.Name)
		assert.NotEmpty(t, d.Title, d.Name)
		assert.LessOrEqual(t, countBoxes(d.Boxes), MaxBoxes, d.Name)
		assert.NotContains(t, d.Source(), "…", "%s: a line is cut off", d.Name)
	}
	assert.Equal(t, []string{"accounts", "architecture", "dag", "database", "flow", "pipeline", "stacks", "trust"}, names)
}

func TestDraw_AssemblyAloneHasItsStacks(t *testing.T) {
	drawn, omitted := Draw(Platform{Assemblies: []Assembly{newAssembly(t, "", testStack{name: "web"})}})
	require.Len(t, drawn, 2)
	assert.Equal(t, "accounts", drawn[0].Name)
	assert.Equal(t, "stacks", drawn[1].Name)
	reasons := map[string]string{}
	for _, o := range omitted {
		reasons[o.Name] = o.Reason
	}
	assert.Equal(t, map[string]string{
		"architecture": noConfiguration, "dag": noConfiguration, "flow": noConfiguration, "pipeline": noConfiguration,
		"trust": noConfiguration, "database": noDatabases,
	}, reasons)
}

func TestDraw_SameInputGivesSameSource(t *testing.T) {
	first, _ := Draw(platform(t))
	for range 5 {
		again, _ := Draw(platform(t))
		for i, d := range again {
			assert.Equal(t, first[i].Source(), d.Source())
		}
	}
}

func TestDraw_LargeAssembliesAreGrouped(t *testing.T) {
	for name, test := range map[string]struct{ stacks, accounts, services int }{
		"one stack":                       {1, 1, 1},
		"one stack with many services":    {1, 1, 100},
		"some stacks with many services":  {10, 1, 10},
		"as many stacks as there is room": {MaxBoxes - 1, 1, 1},
		"many stacks":                     {300, 1, 3},
		"many accounts":                   {60, 60, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var types []string
			for i := range test.services {
				types = append(types, fmt.Sprintf("AWS::Service%d::Thing", i))
			}
			types = append(types, "AWS::RDS::DBCluster")
			var stacks []testStack
			for i := range test.stacks {
				s := testStack{
					name: fmt.Sprintf("stack-%d", i), template: resources(types...),
					environment: fmt.Sprintf("aws://%012d/eu-west-1", i%test.accounts),
				}
				if i > 0 {
					s.needs = []string{fmt.Sprintf("s%d", i-1)}
				}
				stacks = append(stacks, s)
			}
			drawn, _ := Draw(Platform{Assemblies: []Assembly{newAssembly(t, "", stacks...)}})
			for _, d := range drawn {
				assert.LessOrEqual(t, countBoxes(d.Boxes), MaxBoxes, d.Name)
				assert.Less(t, len(d.Source()), 64<<10, d.Name)
			}
		})
	}
}

// sourceLine matches the lines of a source: settings, boxes with a quoted label, and arrows.
var sourceLine = regexp.MustCompile(`^ *(direction: right|grid-columns: \d+|grid-gap: \d+|shape: [a-z]+|` +
	`style\.[a-z-]+: [a-z0-9]+|\}|` +
	`b\d+: "([^"\\$]|\\["\\$n])*" \{|b[\d.b]+ -> b[\d.b]+: "([^"\\$]|\\["\\$n])*"( \{ style\.stroke-dash: 4 \})?)$`)

func TestSource_TextFromOutsideStaysInLabels(t *testing.T) {
	for name, text := range map[string]string{
		"quotes":            `a" {b: c} "`,
		"escapes":           `a\" -> b \`,
		"new lines":         "a\nb -> c\r\nd\u2028e",
		"substitutions":     "${x} $$ ${...y}",
		"imports":           "...@/etc/passwd",
		"markdown":          "|md # a |",
		"an SVG":            `</text></svg><script>alert(1)</script>`,
		"direction of text": "a\u202eb\u2066c",
		"invalid text":      "a\xffb\x00c",
		"much text":         strings.Repeat("long ", 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			a := newAssembly(t, text, testStack{
				name: text, environment: "aws://" + strings.ReplaceAll(text, "/", "") + "/" + text,
				template: resources(text, "AWS::"+text+"::"+text, "AWS::RDS::DBCluster"),
			})
			drawn, _ := Draw(Platform{Assemblies: []Assembly{a}})
			require.Len(t, drawn, 3)
			for _, d := range drawn {
				for line := range strings.Lines(d.Source()) {
					line = strings.TrimSuffix(line, "\n")
					assert.Regexp(t, sourceLine, line)
					assert.Less(t, len(line), 8_000)
				}
				svg, err := d.Annotate([]byte(`<svg xmlns="x" viewBox="0 0 10 20"></svg>`))
				require.NoError(t, err)
				assertXML(t, string(svg))
			}
		})
	}
}

// assertXML checks that a text is XML with one root and no script.
func assertXML(t *testing.T, text string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		if start, ok := token.(xml.StartElement); ok {
			assert.NotEqual(t, "script", start.Name.Local)
		}
	}
}

func TestStacks_ArrowsAreDirectNeeds(t *testing.T) {
	d := drawOne(t, Platform{Assemblies: []Assembly{newAssembly(
		t, "",
		testStack{name: "network"},
		testStack{name: "data", needs: []string{"s0"}},
		testStack{name: "web", needs: []string{"s0", "s1"}},
	)}}, "stacks")
	assert.Equal(t, []string{"network -> data", "data -> web"}, arrowsOf(d))
}

func TestStacks_UnknownPlaceIsSaid(t *testing.T) {
	d := drawOne(t, Platform{Assemblies: []Assembly{newAssembly(
		t, "", testStack{name: "web", environment: "aws://unknown-account/unknown-region"},
	)}}, "stacks")
	assert.Equal(t, []string{"Any account, any region"}, d.Boxes[0].Lines)
}

func TestSteps_EnvironmentsFollowPromotionOrder(t *testing.T) {
	arrows := arrowsOf(drawOne(t, platform(t), "dag"))
	for _, want := range []string{
		"config -> build", "build -> synth", "synth -> dev", "gates -> dev", "dev -> acc", "acc -> prod", "deploy -> verify",
	} {
		assert.Contains(t, arrows, want)
	}
	assert.NotContains(t, arrows, "synth -> prod", "acc leads there")
	assert.NotContains(t, arrows, "prod -> acc")
}

func TestSteps_EveryStepIsShown(t *testing.T) {
	p := platform(t)
	outline := drawOne(t, p, "dag").outline()
	for _, step := range p.Graph.Steps() {
		kind, _, _ := strings.Cut(step.Name, ":")
		assert.Contains(t, outline, kind)
	}
}

func TestPipelines_ApprovalPrecedesProduction(t *testing.T) {
	arrows := arrowsOf(drawOne(t, platform(t), "pipeline"))
	assert.Contains(t, arrows, "stage plan-prod -> a person")
	assert.Contains(t, arrows, "a person -> stage prod")
	assert.NotContains(t, arrows, "stage plan-prod -> stage prod")
}

func TestPipelines_NoSource(t *testing.T) {
	p := platform(t)
	p.Config.Pipeline.Source = nil
	drawn, omitted := Draw(p)
	assert.Equal(t, []Omission{{"flow", noPipelines}, {"pipeline", noPipelines}}, omitted)
	assert.Len(t, drawn, 6)
}

func TestFlow_ArtifactsLeadToJobs(t *testing.T) {
	arrows := arrowsOf(drawOne(t, platform(t), "flow"))
	for _, want := range []string{
		"push to main -> checks", "checks -> synth: synth, then digests", "synth: synth, then digests -> artifact assembly",
		"artifact assembly -> dev: deploy",
		"dev: deploy -> dev", "artifact plan0_prod -> prod: approve, then deploy",
		"plan-prod: plan-file -> a person approves", "prod: approve, then deploy -> prod",
	} {
		assert.Contains(t, arrows, want)
	}
}

func TestAccounts_JobsAssumeRoles(t *testing.T) {
	d := drawOne(t, platform(t), "accounts")
	assert.Contains(t, arrowsOf(d), "job deploy-dev of main as -> dev")
	assert.Contains(t, arrowsOf(d), "tooling -> tooling")
	assert.Contains(t, d.outline(), "cdk-x-deploy-role")
	assert.Contains(t, d.outline(), "CloudFormation, as, cdk-x-cfn-exec-role")
}

func TestDatabases_ReferencesCrossStacks(t *testing.T) {
	network := map[string]any{
		"Resources": map[string]any{"Vpc": map[string]any{"Type": "AWS::EC2::VPC"}},
		"Outputs": map[string]any{"Id": map[string]any{
			"Value": map[string]any{"Ref": "Vpc"}, "Export": map[string]any{"Name": "network:vpc"},
		}},
	}
	data := map[string]any{"Resources": map[string]any{
		"Group": map[string]any{"Type": "AWS::RDS::DBSubnetGroup", "Properties": map[string]any{
			"SubnetIds": []any{map[string]any{"Fn::ImportValue": "network:vpc"}},
		}},
		"Cluster": map[string]any{"Type": "AWS::RDS::DBCluster", "Properties": map[string]any{
			"Engine": "aurora-postgresql", "EngineVersion": "17.7", "StorageEncrypted": true,
			"DBSubnetGroupName":                map[string]any{"Ref": "Group"},
			"KmsKeyId":                         map[string]any{"Fn::GetAtt": []any{"Key", "Arn"}},
			"ServerlessV2ScalingConfiguration": map[string]any{"MinCapacity": 0.5, "MaxCapacity": 4},
		}},
		"Key": map[string]any{"Type": "AWS::KMS::Key"},
	}}
	d := drawOne(t, Platform{Assemblies: []Assembly{newAssembly(
		t, "", testStack{name: "network", template: network}, testStack{name: "data", template: data, needs: []string{"s0"}},
		testStack{name: "other"},
	)}}, "database")
	assert.ElementsMatch(t, []string{"RDS -> RDS", "RDS -> KMS", "RDS -> EC2"}, arrowsOf(d))
	assert.Contains(t, d.outline(), "RDS, 1 DB cluster, aurora-postgresql 17.7, 0.5 to 4 ACU, encrypted")
	assert.NotContains(t, d.outline(), "other")
}

func TestDatabases_StacksThatDoNotFitAreCounted(t *testing.T) {
	var stacks []testStack
	for i := range 10 {
		types := resources("AWS::RDS::DBCluster", "AWS::KMS::Key", "AWS::A::B", "AWS::C::D", "AWS::E::F", "AWS::G::H")
		types["Resources"].(map[string]any)["R0"].(map[string]any)["Properties"] = map[string]any{
			"KmsKeyId": map[string]any{"Ref": "R1"},
		}
		stacks = append(stacks, testStack{name: fmt.Sprint("data", i), template: types})
	}
	d := drawOne(t, Platform{Assemblies: []Assembly{newAssembly(t, "", stacks...)}}, "database")
	assert.LessOrEqual(t, countBoxes(d.Boxes), MaxBoxes)
	last := d.Boxes[len(d.Boxes)-1]
	assert.Equal(t, []string{fmt.Sprintf("%d more stacks", 10-(len(d.Boxes)-1))}, last.Lines)
	var groups []string
	for _, box := range d.Boxes[0].Boxes {
		groups = append(groups, box.Lines[0])
	}
	assert.Equal(t, []string{"RDS", "KMS", "independent"}, groups)
}

func TestStacks_WideGraphsLieOnTheirSide(t *testing.T) {
	for name, test := range map[string]struct {
		stacks      int
		needs       func(i int) []string
		leftToRight bool
		columns     int
	}{
		"a chain": {8, func(i int) []string { return []string{fmt.Sprint("s", i-1)} }, false, 0},
		"a star":  {8, func(int) []string { return []string{"s0"} }, true, 0},
		"none":    {8, func(int) []string { return nil }, false, 3},
	} {
		t.Run(name, func(t *testing.T) {
			stacks := []testStack{{name: "base"}}
			for i := 1; i < test.stacks; i++ {
				stacks = append(stacks, testStack{name: fmt.Sprint("stack", i), needs: test.needs(i)})
			}
			d := drawOne(t, Platform{Assemblies: []Assembly{newAssembly(t, "", stacks...)}}, "stacks")
			assert.Equal(t, test.leftToRight, d.LeftToRight)
			assert.Equal(t, test.columns, d.Boxes[0].Columns)
		})
	}
}

func TestCountResource_UsesWordsOfAWS(t *testing.T) {
	for _, test := range []struct {
		n              int
		resource, want string
	}{
		{12, "Alarm", "12 alarms"},
		{1, "DBCluster", "1 DB cluster"},
		{2, "BucketPolicy", "2 bucket policies"},
		{1, "VPC", "1 VPC"},
		{3, "EIP", "3 EIPs"},
		{2, "VPCEndpoint", "2 VPC endpoints"},
		{2, "DBClusterParameterGroup", "2 DB cluster parameter groups"},
		{2, "EventBus", "2 event buses"},
		{2, "Key", "2 keys"},
		{3, "RestApi", "3 REST APIs"},
		{2, "AutoDeleteObjects", "2 auto delete objects"},
		{2, "IPAddress", "2 IP addresses"},
		{2, "", "2 "},
	} {
		assert.Equal(t, test.want, countResource(test.n, test.resource))
	}
}

func TestSplitType(t *testing.T) {
	for name, want := range map[string][2]string{
		"AWS::RDS::DBCluster":           {"RDS", "DBCluster"},
		"AWS::Logs::LogGroup":           {"CloudWatch Logs", "LogGroup"},
		"Custom::Thing":                 {"custom resources", "Thing"},
		"Custom::A::B":                  {"custom resources", "A B"},
		"AWS::Thing":                    {"AWS", "Thing"},
		"Alexa::ASK::Skill":             {"Alexa ASK", "Skill"},
		"Vendor::Service::Kind::MODULE": {"Vendor Service Kind", "MODULE"},
		"":                              {"other", ""},
	} {
		service, resource := splitType(name)
		assert.Equal(t, want, [2]string{service, resource}, name)
	}
}

func TestAnnotate(t *testing.T) {
	printed := faulttest.Printed(t)
	d := Diagram{Name: "x", Title: "A & B", Description: "All <of> it."}
	d.add("one", "two").add("inner")
	svg, err := d.Annotate([]byte(`<svg xmlns="y" viewBox="0 0 120 80"><rect/></svg>`))
	require.NoError(t, err)
	assertXML(t, string(svg))
	for _, want := range []string{
		`role="img"`, `aria-labelledby="diagram-x-title diagram-x-description"`, `width="120" height="80"`,
		`<title id="diagram-x-title">A &amp; B</title>`,
		`<desc id="diagram-x-description">All &lt;of&gt; it. one, two (inner).</desc>`,
	} {
		assert.Contains(t, string(svg), want)
	}
	assert.True(t, IsDrawingOf(svg, d))
	d.add("three")
	assert.False(t, IsDrawingOf(svg, d), "a box was added")

	for name, text := range map[string]string{
		"nothing": "", "text": "error: no", "an SVG without a size": "<svg></svg>",
		"an SVG of a huge size": `<svg viewBox="0 0 99999999 1"></svg>`,
	} {
		_, err := d.Annotate([]byte(text))
		printed.Error(err)
		assert.ErrorContains(t, err, "the drawing of x is no SVG of D2's", name)
	}
}

func TestDrawTrust_FollowsTheConfiguration(t *testing.T) {
	labelsOf := func(p Platform) map[string]bool {
		labels := map[string]bool{}
		for _, a := range drawOne(t, p, "trust").Arrows {
			labels[a.Label] = true
		}
		return labels
	}
	p := platform(t)
	all := labelsOf(p)
	assert.Contains(t, all, "approval")
	assert.Contains(t, all, "pull request")
	c := *p.Config
	c.Pipeline.Source = nil
	p.Config = &c
	alone := labelsOf(p)
	for _, label := range []string{"approval", "pull request", "commit"} {
		assert.NotContains(t, alone, label, "there is no pipeline")
	}
	assert.Contains(t, alone, "machine")
	assert.Contains(t, drawOne(t, p, "trust").Source(), "no key signs them")
}
