package awsrules

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// accepts reports whether a rule has nothing to refuse.
func accepts(r *RefusedError) bool { return r == nil }

func TestTags_LengthsCountCharacters(t *testing.T) {
	assert.True(t, accepts(CheckTagKey(strings.Repeat("ä", 128))))
	assert.False(t, accepts(CheckTagKey(strings.Repeat("ä", 129))))
	assert.True(t, accepts(CheckTagValue("a", strings.Repeat("ä", 256))))
	assert.False(t, accepts(CheckTagValue("a", strings.Repeat("ä", 257))))
}

func TestTags_CharactersAreThoseOfIAM(t *testing.T) {
	for _, text := range []string{"", "aZ9", "a b", "_.:/=+-@", "日本", "\u00a0"} {
		assert.True(t, accepts(CheckTagValue("a", text)), "%q", text)
	}
	for _, text := range []string{"\n", "\t", "a&b", "a,b", "a*", "a\"", "\x00", "😀", "a\u0301"} {
		assert.False(t, accepts(CheckTagValue("a", text)), "%q", text)
		assert.False(t, accepts(CheckTagKey("a"+text)), "%q", text)
	}
}

func TestTags_CaseAloneDoesNotDistinguish(t *testing.T) {
	assert.True(t, accepts(CheckTagCase("a", []string{"a", "b"})))
	assert.EqualError(t, CheckTagCase("a", []string{"b", "A"}),
		`tags "a" and "A" differ only in case, which AWS IAM refuses; keep one of them`)
}

func TestParameters_LimitsAreInclusive(t *testing.T) {
	assert.True(t, accepts(CheckParameterName(strings.Repeat("/a", 15), "", "")))
	assert.False(t, accepts(CheckParameterName(strings.Repeat("/a", 16), "", "")))
	arn := len("arn:aws:ssm:eu-west-1:111122223333:parameter/")
	assert.True(t, accepts(CheckParameterName("/"+strings.Repeat("a", 1011-arn), "eu-west-1", "111122223333")))
	assert.False(t, accepts(CheckParameterName("/"+strings.Repeat("a", 1012-arn), "eu-west-1", "111122223333")))
	assert.True(t, accepts(CheckParameterValue("a", strings.Repeat("ä", 4096))))
	assert.False(t, accepts(CheckParameterValue("a", strings.Repeat("ä", 4097))))
	assert.False(t, accepts(CheckParameterValue("a", "")))
	assert.False(t, accepts(CheckParameterValue("a", "{{b}}")))
}

func TestParameters_NamesHavePlainParts(t *testing.T) {
	for _, name := range []string{"a", "A.b_c-9", "a/b"} {
		assert.True(t, accepts(CheckParameterPart(name)), name)
	}
	for _, name := range []string{"", "/a", "a/", "a//b", "a b", "ä"} {
		assert.False(t, accepts(CheckParameterPart(name)), name)
	}
	for root, want := range map[string]bool{"shop": true, "paws": true, "aws": false, "AWSome": false, "ssm-x": false} {
		assert.Equal(t, want, accepts(CheckParameterRoot(root)), root)
	}
}
