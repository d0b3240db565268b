package awsrules

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of tags, which all services share. Lengths are in characters.
// Source: https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
const (
	MaxTags           = 50
	MaxTagKeyLength   = 128
	MaxTagValueLength = 256
)

// CheckTagKey checks a tag's key: its length, its characters and the prefix aws:, which AWS reserves.
func CheckTagKey(key string) *RefusedError {
	if refused := CheckTagKeyLength(key); refused != nil {
		return refused
	}
	return checkTagCharacters(fmt.Sprintf("tag %q", key), key)
}

// CheckTagKeyLength checks the length of a tag's key and the prefix aws:, which AWS reserves.
func CheckTagKeyLength(key string) *RefusedError {
	switch n := utf8.RuneCountInString(key); {
	case n == 0:
		return &RefusedError{fmt.Sprintf("tag %q is empty", key), "give it a name"}
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return &RefusedError{fmt.Sprintf("tag %q begins with aws:, which AWS keeps for itself", key), "choose another name"}
	case n > MaxTagKeyLength:
		return &RefusedError{
			fmt.Sprintf("tag %.20q has %d characters", key, n),
			fmt.Sprintf("write at most %d", MaxTagKeyLength),
		}
	}
	return nil
}

// CheckTagValue checks the length and the characters of the value of the tag with the given key.
func CheckTagValue(key, value string) *RefusedError {
	if refused := CheckTagValueLength(key, value); refused != nil {
		return refused
	}
	return checkTagCharacters(tagValue(key), value)
}

// CheckTagValueLength checks the length of the value of the tag with the given key.
func CheckTagValueLength(key, value string) *RefusedError {
	n := utf8.RuneCountInString(value)
	if n <= MaxTagValueLength {
		return nil
	}
	return &RefusedError{
		fmt.Sprintf("%s has %d characters", tagValue(key), n), fmt.Sprintf("write at most %d", MaxTagValueLength),
	}
}

// CheckTagCharacters checks the characters of a tag's key and, unless it is nil, of its value.
func CheckTagCharacters(key string, value *string) *RefusedError {
	refused := checkTagCharacters(fmt.Sprintf("tag %q", key), key)
	if refused == nil && value != nil {
		refused = checkTagCharacters(tagValue(key), *value)
	}
	return refused
}

// tagValue is how the value of a tag is called in messages.
func tagValue(key string) string { return fmt.Sprintf("the value of tag %.20q", key) }

// checkTagCharacters allows what the strictest service does, IAM: [\p{L}\p{Z}\p{N}_.:/=+\-@]*.
// Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Tag.html
func checkTagCharacters(subject, text string) *RefusedError {
	for _, c := range text {
		if !unicode.In(c, unicode.L, unicode.Z, unicode.N) && !strings.ContainsRune("_.:/=+-@", c) {
			return &RefusedError{
				fmt.Sprintf("%s has %q, which AWS does not take in tags", subject, c),
				"write letters, digits, spaces and _ . : / = + - @",
			}
		}
	}
	return nil
}

// CheckTagCase checks that a tag's key differs from each of the others by more than its case. IAM ignores the case of
// keys. Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
func CheckTagCase(key string, others []string) *RefusedError {
	for _, other := range slices.Sorted(slices.Values(others)) {
		if key != other && strings.EqualFold(key, other) {
			return &RefusedError{
				fmt.Sprintf("tags %q and %q differ only in case, which AWS IAM refuses", key, other),
				"keep one of them",
			}
		}
	}
	return nil
}
