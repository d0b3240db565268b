package config

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
)

// loadDev loads a configuration whose file dev.yaml ends with the given lines. They begin at line 5.
func loadDev(lines string) (*Config, error) {
	return Load(configFS(map[string]string{"environments/dev.yaml": environmentYAML("111122223333", lines)}))
}

func TestNumbers_OnlyPlainDecimalsAreRead(t *testing.T) {
	const at = "config/environments/dev.yaml:5:26: LS-204: governance.anomalyDollars"
	for text, want := range map[string]string{
		"0500":  at + " is 0500, which is not a plain decimal number; write 500",
		"-0500": at + " is -0500, which is not a plain decimal number; write -500",
		"0999":  at + " is 0999, which is not a plain decimal number; write 999",
		"00":    at + " is 00, which is not a plain decimal number; write 0",
		"0x1F4": at + " is 0x1F4, which is not a plain decimal number; write 500",
		"0o764": at + " is 0o764, which is not a plain decimal number; write 500",
		"0b11":  at + " is 0b11, which is not a plain decimal number; write 3",
		"1_000": at + " is 1_000, which is not a plain decimal number; write 1000",
		"05.50": at + " is 05.50, which is not a plain decimal number; write 5.50",
		".inf":  at + ` is .inf, which is not a plain decimal number; write an amount in US dollars, such as "500"`,
		".NaN":  at + ` is .NaN, which is not a plain decimal number; write an amount in US dollars, such as "500"`,
		"1e400": at + ` is 1e400, which is too large; write an amount in US dollars, such as "500"`,
		`"500"`: at + " is text; write 500 without quotes",
		"some":  at + " is text; write a number",
		"true":  at + " is true or false; write a number",
		"": "config/environments/dev.yaml:5:25: LS-204: governance.anomalyDollars is empty; write a number, or leave the " +
			"key out",
		"[1]": at + " is a list; write a number",
	} {
		t.Run(text, func(t *testing.T) {
			_, err := loadDev("governance: {trailDays: 400,anomalyDollars: " + text + "}\n")
			want := strings.ReplaceAll(want, ":5:26:", ":5:45:")
			want = strings.ReplaceAll(want, ":5:25:", ":5:44:")
			assert.EqualError(t, err, want)
		})
	}
	for text, want := range map[string]float64{
		"500": 500, "+500": 500, "500.0": 500, "500.5": 500.5, "5e2": 500, "5E+2": 500, "5.": 5,
		"123456789012345678901234567890": 1.2345678901234568e29,
	} {
		t.Run(text, func(t *testing.T) {
			c, err := loadDev("governance: {anomalyDollars: " + text + "}\n")
			require.NoError(t, err)
			assert.InEpsilon(t, want, c.Environments[0].Governance.AnomalyDollars, 1e-9)
		})
	}
}

func TestNumbers_WholeNumbersHaveLimits(t *testing.T) {
	for text, want := range map[string]string{
		"12345678901234567890": "config/environments/dev.yaml:5:35: LS-204: governance.alarms.deniedCalls is " +
			"12345678901234567890, which is too large; write a number of events",
		"1.5": "config/environments/dev.yaml:5:35: LS-204: governance.alarms.deniedCalls is a number; write a " +
			"whole number",
	} {
		_, err := loadDev("governance: {alarms: {deniedCalls: " + text + "}}\n")
		assert.EqualError(t, err, strings.Replace(want, ":35:", ":36:", 1))
	}
}

func TestNumbers_TextKeepsItsDigits(t *testing.T) {
	for _, text := range []string{
		"0500", "0x1F4", "1_000", "1e3", "012345678901", "5", ".inf",
		"123456789012345678901234567890",
	} {
		_, err := loadDev("parameters: {p: " + text + "}\n")
		assert.EqualError(t, err, fmt.Sprintf("config/environments/dev.yaml:5:17: LS-204: parameters.p is a number, not "+
			"text; "+
			"write %q in quotes", text))
		c, err := loadDev("parameters: {p: \"" + text + "\"}\n")
		require.NoError(t, err)
		assert.Equal(t, text, c.Environments[0].Parameters["p"])
	}
	for _, text := range []string{"0500", "0999", "1e3", "1.0", "true", "null", "1_0"} {
		_, err := loadDev("parameters:\n  " + text + ": a\n")
		assert.EqualError(t, err, fmt.Sprintf("config/environments/dev.yaml:6:3: LS-201: the key %s is not text; write %q "+
			"in quotes",
			text, text))
	}
	for _, text := range []string{"1.2.3", "2027-06-30", "10.0.0.0/16", "1:30", "v1", "yes", "0X1F"} {
		c, err := loadDev("parameters: {p: " + text + "}\n")
		require.NoError(t, err)
		assert.Equal(t, text, c.Environments[0].Parameters["p"])
	}
}

func TestTypes_HintNamesWhatToWrite(t *testing.T) {
	for lines, want := range map[string]string{
		"approval: yes\n":            "5:11: LS-204: approval is text; write true, false or {by: other}",
		"approval: 1\n":              "5:11: LS-204: approval is a number; write true, false or {by: other}",
		"parameters: {a: true}\n":    `5:17: LS-204: parameters.a is true or false, not text; write "true" in quotes`,
		"parameters: {a: null}\n":    "5:17: LS-204: parameters.a is empty; write text, or leave the key out",
		"parameters: [a]\n":          "5:13: LS-204: parameters is a list; write a mapping",
		"network: eu\n":              "5:10: LS-204: network is text; write a mapping",
		"allow: permissions\n":       "5:8: LS-204: allow is text; write a list",
		"gates: {mayBeAbsent: {}}\n": "5:22: LS-204: gates.mayBeAbsent is a mapping; write a list",
		"allow: [{a: b}]\n":          "5:9: LS-204: allow.0 is a mapping; write text",
	} {
		_, err := loadDev(lines)
		assert.EqualError(t, err, "config/environments/dev.yaml:"+want)
	}
}

func TestDocument_ByteOrderMarkIsAccepted(t *testing.T) {
	c, err := Load(configFS(map[string]string{"environments/dev.yaml": "\ufeff" + environmentYAML("111122223333", "")}))
	require.NoError(t, err)
	assert.Equal(t, "111122223333", c.Environments[0].ID)
	_, err = Load(configFS(map[string]string{"environments/dev.yaml": "\ufeffaccount: 1\n" +
		environmentYAML("111122223333", "")[len("account: \"111122223333\"\n"):]}))
	assert.EqualError(t, err, `config/environments/dev.yaml:1:10: LS-204: account is a number, not text; write "1" in `+
		`quotes`)
}

func TestFiles_MisnamedFileIsReported(t *testing.T) {
	printed := faulttest.Printed(t)
	const rename = "ends with %s and would be ignored; rename it to acc.yaml"
	for name, want := range map[string]string{
		"environments/acc.yml":  "config/environments/acc.yml: LS-202: " + fmt.Sprintf(rename, ".yml"),
		"environments/acc.YAML": "config/environments/acc.YAML: LS-202: " + fmt.Sprintf(rename, ".YAML"),
		"environments/acc.Yml":  "config/environments/acc.Yml: LS-202: " + fmt.Sprintf(rename, ".Yml"),
		"environments/acc.yaml/x.yaml": "config/environments/acc.yaml: LS-202: is a folder; write the environment into a " +
			"file of that name",
		"waivers.yml": "config/waivers.yml: LS-202: ends with .yml and would be ignored; rename it to waivers.yaml",
	} {
		t.Run(name, func(t *testing.T) {
			fsys := configFS(map[string]string{name: environmentYAML("444455556666", "")})
			_, err := Load(fsys)
			if name == "waivers.yml" {
				_, err = LoadWaivers(fsys)
			}
			assert.EqualError(t, printed.Error(err), want)
		})
	}
	fsys := configFS(map[string]string{"pipeline.YML": pipelineYAML})
	delete(fsys, "pipeline.yaml")
	_, err := Load(fsys)
	printed.Error(err)
	assert.EqualError(t, err, "config/pipeline.YML: LS-202: ends with .YML and would be ignored; rename it to "+
		"pipeline.yaml")
}

func TestFiles_EditorsFilesAreIgnored(t *testing.T) {
	fsys := configFS(map[string]string{
		"environments/._acc.yaml": "\x00\x01", "environments/acc.yaml~": "x",
		"environments/README.md": "x", "environments/old/acc.yaml": "x",
	})
	fsys["environments/.#acc.yaml"] = &fstest.MapFile{Data: []byte("x")}
	fsys["environments/.acc.yml"] = &fstest.MapFile{Data: []byte("x")}
	c, err := Load(fsys)
	require.NoError(t, err)
	assert.Equal(t, []string{"dev", "prod"}, c.Names())
}

func TestTags_RefusedLikeAWS(t *testing.T) {
	file := func(lines string) string { return environmentYAML("111122223333", "tags:\n"+lines) }
	clash := func(key, other string) string {
		return fmt.Sprintf(
			"6:3: LS-204: tags %q and %q differ only in case, which AWS IAM refuses; keep one of them", key, other)
	}
	for name, test := range map[string]struct{ lines, want string }{
		"an empty key": {`  "": a`, `6:3: LS-204: tag "" is empty; give it a name`},
		"a key that AWS reserves": {
			"  AWS:x: a",
			`6:3: LS-204: tag "AWS:x" begins with aws:, which AWS keeps for itself; choose another name`,
		},
		"a line break in a value": {
			`  a: "b\nc"`,
			`6:3: LS-204: the value of tag "a" has '\n', which AWS does not take in tags; ` +
				`write letters, digits, spaces and _ . : / = + - @`,
		},
		"a tab in a key": {
			`  "a\tb": c`,
			`6:3: LS-204: tag "a\tb" has '\t', which AWS does not take in tags; write letters, digits, spaces and _ . : / = + ` +
				`- @`,
		},
		"a character IAM refuses": {
			"  a: b&c",
			`6:3: LS-204: the value of tag "a" has '&', which AWS does not take in tags; ` +
				`write letters, digits, spaces and _ . : / = + - @`,
		},
		"two keys that differ in case": {"  Team: b\n  team: a", clash("Team", "team")},
		"the product's own tag":        {"  Project: a", clash("Project", "project")},
		"the environment's own tag":    {"  ENVIRONMENT: a", clash("ENVIRONMENT", "environment")},
		"a tag of the pipeline":        {"  OWNER: a", clash("OWNER", "owner")},
		"a key of 129 characters": {
			"  " + strings.Repeat("ä", 129) + ": a",
			`6:3: LS-204: tag "` + strings.Repeat("ä", 20) + `" has 129 characters; write at most 128`,
		},
		"a value of 257 characters": {
			"  a: " + strings.Repeat("ä", 257),
			`6:3: LS-204: the value of tag "a" has 257 characters; write at most 256`,
		},
		"more tags than AWS takes": {
			manyTags(45),
			"6:3: LS-206: there are 48 tags with those of the pipeline and Lockstep's own; AWS takes 50 and the CDK adds up " +
				"to 3: leave some out",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(configFS(map[string]string{
				"pipeline.yaml": pipelineYAML + "tags: {owner: platform}\n", "environments/dev.yaml": file(test.lines + "\n"),
			}))
			assert.EqualError(t, err, "config/environments/dev.yaml:"+test.want)
		})
	}
	for name, lines := range map[string]string{
		"a key of 128 characters":      "  " + strings.Repeat("ä", 128) + ": a",
		"a value of 256 characters":    "  a: " + strings.Repeat("ä", 256),
		"as many tags as AWS takes":    manyTags(44),
		"a tag of the pipeline again":  "  owner: somebody",
		"every character that is safe": `  "aZ9 _.:/=+-@ä": "aZ9 _.:/=+-@ä"`,
		"an empty value":               `  a: ""`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(configFS(map[string]string{
				"pipeline.yaml": pipelineYAML + "tags: {owner: platform}\n", "environments/dev.yaml": file(lines + "\n"),
			}))
			assert.NoError(t, err)
		})
	}
	_, err := Load(configFS(map[string]string{"pipeline.yaml": pipelineYAML + "tags: {Project: a}\n"}))
	assert.EqualError(t, err, `config/pipeline.yaml:5:8: LS-204: tags "Project" and "project" differ only in case, `+
		`which AWS `+
		`IAM refuses; keep one of them`)
}

func manyTags(n int) string {
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf("  t%02d: a", i))
	}
	return strings.Join(lines, "\n")
}

func TestParameters_RefusedLikeSSM(t *testing.T) {
	parts := func(n int) string { return strings.TrimSuffix(strings.Repeat("a/", n), "/") }
	// The ARN of a parameter of dev is arn:aws:ssm:eu-west-1:111122223333:parameter/lockstep/dev/NAME.
	prefix := len("arn:aws:ssm:eu-west-1:111122223333:parameter/lockstep/dev/")
	for name, test := range map[string]struct{ lines, want string }{
		"a reference to another": {
			`  a: "x {{b}}"`,
			"6:6: LS-204: parameter a has {{, which SSM does not take in a value; write the value itself",
		},
		"one level too many": {"  " + parts(14) + ": x", "6:3: LS-204: parameter /lockstep/dev/" + parts(14) +
			" has 16 levels; SSM takes at most 15"},
		"a name that is too long": {"  ? " + strings.Repeat("a", 1012-prefix) + "\n  : x", ""},
		"a value that is too long": {
			"  a: " + strings.Repeat("ä", 4097),
			"6:6: LS-204: parameter a has 4097 characters; SSM takes at most 4096: store it elsewhere and name the place here",
		},
		"an empty value": {
			`  a: ""`,
			"6:6: LS-204: parameter a is empty, which SSM does not take; give it a value or leave it out",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if test.want == "" {
				test.lines = strings.Replace(strings.Replace(test.lines, "? ", "", 1), "\n  :", ":", 1)
				test.want = fmt.Sprintf("6:3: LS-204: parameter /lockstep/dev/%s has an ARN of 1012 characters; SSM takes at "+
					"most 1011",
					strings.Repeat("a", 1012-prefix))
			}
			_, err := loadDev("parameters:\n" + test.lines + "\n")
			assert.EqualError(t, err, "config/environments/dev.yaml:"+test.want)
		})
	}
	for name, lines := range map[string]string{
		"the most levels":   "  " + parts(13) + ": x",
		"the longest name":  "  " + strings.Repeat("a", 1011-prefix) + ": x",
		"the longest value": "  a: " + strings.Repeat("ä", 4096),
		"a single brace":    `  a: "{b}"`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadDev("parameters:\n" + lines + "\n")
			assert.NoError(t, err)
		})
	}
	_, err := Load(configFS(map[string]string{"pipeline.yaml": strings.Replace(pipelineYAML, "lockstep", "awsome", 1)}))
	assert.ErrorContains(t, err,
		`config/pipeline.yaml:1:10: LS-204: project awsome begins with aws, which no name of a parameter in SSM may; `+
			`choose another name`)
}

func TestPredecessors_SelfIsRefused(t *testing.T) {
	_, err := loadDev("after: dev\n")
	assert.EqualError(t, err, "config/environments/dev.yaml:5:8: LS-206: dev cannot come after itself; name another "+
		"environment, or leave the line out")
}
