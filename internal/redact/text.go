package redact

import (
	"encoding/base64"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDepth bounds how many texts are searched that are inside of others, as JSON in a string of JSON.
const maxDepth = 8

// referencePattern matches what names a secret and is none: a dynamic reference and an ARN.
var referencePattern = regexp.MustCompile(`\{\{resolve:[^{}]*\}\}|\barn:aws[a-z-]*:[^\s"',;|&<>]*|^alias/[\w/-]+$`)

// isHarmless reports whether a value cannot be a secret, whatever its name is.
func isHarmless(value string) bool {
	value = strings.TrimSpace(value)
	switch strings.ToLower(value) {
	case "", "true", "false", "null", "none":
		return true
	}
	return referencePattern.FindString(value) == value
}

// hideInText returns a text without its secrets.
func hideInText(text string, depth int) string {
	if depth > maxDepth {
		return Hidden
	}
	if document, ok := parseJSON(text); ok {
		if _, isString := document.(string); !isString {
			if hidden := hideInJSON(document, false, depth+1); !reflect.DeepEqual(document, hidden) {
				return formatJSON(hidden)
			}
			return text
		}
	}
	if decoded, ok := decodeBase64(text); ok && hideInText(decoded, depth+1) != decoded {
		return Hidden
	}
	return hideBetweenReferences(text)
}

// decodeBase64 returns the text that is encoded, as user data of an instance is.
func decodeBase64(text string) (string, bool) {
	const shortest = 16
	if len(text) < shortest {
		return "", false
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil || !utf8.Valid(decoded) {
		return "", false
	}
	return string(decoded), strings.IndexFunc(string(decoded), func(r rune) bool {
		return unicode.IsControl(r) && !unicode.IsSpace(r)
	}) < 0
}

// hideBetweenReferences hides the secrets of a text outside the references in it.
func hideBetweenReferences(text string) string {
	text = hideKeys(text)
	var b strings.Builder
	start := 0
	for _, at := range append(referencePattern.FindAllStringIndex(text, -1), []int{len(text), len(text)}) {
		b.WriteString(hideTokens(hideMembers(hideUserInfo(text[start:at[0]]))))
		b.WriteString(text[at[0]:at[1]])
		start = at[1]
	}
	return b.String()
}

// keyPattern matches a private key in PEM, whose line breaks may be written as \n. The end may be missing.
var keyPattern = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----` +
	`(?s:.*?)(-----END [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----|$)`)

func hideKeys(text string) string { return keyPattern.ReplaceAllString(text, Hidden) }

// userInfoPattern matches the user and the password of a URL. A password may hold any character but white space and
// quotes; one that begins with digits and a slash is taken for the port of a host.
var userInfoPattern = regexp.MustCompile(`(?i)\b([a-z][a-z0-9+.-]*://)` +
	`(?:([^\s/?#@:"'<>]*:)([^\s"'<>]+)|([^\s/?#@:"'<>]+))@`)

var portPattern = regexp.MustCompile(`^\d{1,5}(/|\?|#)`)

// hideUserInfo hides the users and passwords of URLs. The user git of a repository's address is no secret.
func hideUserInfo(text string) string {
	return userInfoPattern.ReplaceAllStringFunc(text, func(found string) string {
		parts := userInfoPattern.FindStringSubmatch(found)
		if portPattern.MatchString(parts[3]) || parts[4] == "git" {
			return found
		}
		return parts[1] + Hidden + "@"
	})
}

// memberPattern matches a name and what separates it from its value: =, : with a blank or a quote, or, for a flag of a
// command, a blank. The names before a lone : have to be exactly one of bareNames, because an IAM action is written so.
var (
	memberPattern = regexp.MustCompile(`(?i)([a-z_][\w.-]*)` +
		`(\\?["']?\s*(?:=>|:=|=)[ \t]*|\\?["']?:[ \t]+|\\?["']\s*:\s*|:)`)
	flagPattern = regexp.MustCompile(`(?i)--?([a-z][\w-]*)([ \t]+)`)
	bareNames   = []string{"password", "passwd", "passwort", "passphrase", "pwd", "pass", "secret", "token", "apikey"}
)

// hideMembers hides the values whose names in the text say that they are secrets.
func hideMembers(text string) string {
	return hideAfter(hideAfter(text, memberPattern), flagPattern)
}

// hideAfter hides the values that follow the matches of a pattern, whose groups are a name and a separator.
func hideAfter(text string, pattern *regexp.Regexp) string {
	var b strings.Builder
	for {
		at := pattern.FindStringSubmatchIndex(text)
		if at == nil {
			return b.String() + text
		}
		name, separator, value := text[at[2]:at[3]], text[at[4]:at[5]], text[at[1]:]
		end := 0
		if isSecretName(name) && (separator != ":" || isBareMember(name, value)) {
			end = valueEnd(value, isLineStart(text[:at[2]]))
		}
		b.WriteString(text[:at[1]])
		switch hidden := value[:end]; {
		case end == 0:
		case isHarmless(strings.Trim(hidden, `"'\`)), strings.Contains(hidden, Hidden):
			b.WriteString(hidden)
		default:
			b.WriteString(Hidden)
		}
		text = value[end:]
	}
}

// isBareMember reports whether name:value, without a blank, is a secret.
func isBareMember(name, value string) bool {
	return value != "" && strings.ContainsAny(value[:1], `"'`) || slices.Contains(bareNames, lettersOf(name))
}

var lineStartPattern = regexp.MustCompile(`(?i)(?:^|\n)\s*(?:- )?(?:(?:export|set|setx|env|arg|declare -x)\s+)?["']?$`)

// isLineStart reports whether a name after this text is the first of its line.
func isLineStart(before string) bool { return lineStartPattern.MatchString(before) }

// The ends of a value: what closes it inside of a line, and where the next member begins.
var (
	valueEndPattern   = regexp.MustCompile("[\\s;&\"'`)}\\]]|,\\s*[\"']?[A-Za-z_][\\w.-]*[\"']?\\s*[=:]")
	nextMemberPattern = regexp.MustCompile(`[;&,]\s*["']?[A-Za-z_][\w.-]*["']?\s*[=:]|\n`)
	schemePattern     = regexp.MustCompile(`(?i)^(?:bearer|basic|token|negotiate)\s+`)
)

// valueEnd returns the length of the value at the beginning of text. The value of the first name of a line goes up to
// the end of the line.
func valueEnd(text string, isLineStart bool) int {
	scheme := len(schemePattern.FindString(text))
	rest := text[scheme:]
	quoted := strings.TrimPrefix(rest, `\`)
	if quoted != "" && strings.ContainsAny(quoted[:1], `"'`) {
		open := len(text) - len(quoted)
		return open + 1 + quotedLength(quoted[1:], quoted[0])
	}
	pattern := valueEndPattern
	if isLineStart {
		pattern = nextMemberPattern
	}
	if at := pattern.FindStringIndex(rest); at != nil {
		return scheme + at[0]
	}
	return len(text)
}

// quotedLength returns the length of a text up to and with the quote that ends it; all of it if none does.
func quotedLength(text string, quote byte) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			if i+1 < len(text) && text[i+1] == quote && i+2 < len(text) && strings.IndexByte(text[i+2:], quote) < 0 {
				return i + 2 // the quotes themselves are escaped
			}
			i++
		case quote:
			return i + 1
		}
	}
	return len(text)
}

// tokenPattern matches secrets by the forms that their issuers document.
var tokenPattern = regexp.MustCompile(strings.Join([]string{
	`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`,                                // AWS access key id
	`\bgh[pousr]_[A-Za-z0-9]{20,}`,                                 // GitHub
	`\bgithub_pat_[A-Za-z0-9_]{20,}`,                               // GitHub
	`\bxox[abeoprs]-[A-Za-z0-9-]{8,}`,                              // Slack
	`\bxapp-\d-[A-Za-z0-9-]{8,}`,                                   // Slack
	`\bhooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]+`,   // Slack
	`\bgl(?:pat|dt|rt|ptt|soat|cbt|ft)-[A-Za-z0-9_-]{16,}`,         // GitLab
	`\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}`,                       // Stripe
	`\bwhsec_[A-Za-z0-9]{10,}`,                                     // Stripe
	`\bsk-[A-Za-z0-9_-]{20,}`,                                      // OpenAI, Anthropic
	`\bAIza[A-Za-z0-9_-]{35}`,                                      // Google
	`\bya29\.[A-Za-z0-9_-]{20,}`,                                   // Google
	`\bnpm_[A-Za-z0-9]{30,}`,                                       // npm
	`\bpypi-[A-Za-z0-9_-]{16,}`,                                    // PyPI
	`\bdckr_pat_[A-Za-z0-9_-]{16,}`,                                // Docker
	`\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}`,                 // SendGrid
	`\bhv[sbr]\.[A-Za-z0-9_-]{16,}`,                                // Vault
	`\bdop_v1_[a-f0-9]{32,}`,                                       // DigitalOcean
	`\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`, // JSON web token
	`\b[Bb]earer\s+[A-Za-z0-9._~+/-]{16,}=*`,                       // RFC 6750
	`\b[Bb]asic\s+[A-Za-z0-9+/]{8,}={0,2}`,                         // RFC 7617
	`\bAGE-SECRET-KEY-1[A-Z0-9]{20,}`,                              // age
	`\b\d{8,10}:AA[A-Za-z0-9_-]{30,}`,                              // Telegram
}, "|"))

// awsSecretPattern matches what may be an AWS secret access key, which has no prefix.
var awsSecretPattern = regexp.MustCompile(`[A-Za-z0-9/+]{40,}`)

const (
	awsSecretLength = 40
	// How often the kind of character changes in a random key at least: 25 times on average. In joined words it changes
	// up to 16 times, and in those there is neither + nor /.
	minClassChanges       = 20
	minClassChangesOfPath = 14
)

func hideTokens(text string) string {
	text = tokenPattern.ReplaceAllLiteralString(text, Hidden)
	return awsSecretPattern.ReplaceAllStringFunc(text, func(found string) string {
		least := minClassChanges
		if strings.ContainsAny(found, "+/") {
			least = minClassChangesOfPath
		}
		if len(found) != awsSecretLength || classChanges(found) < least {
			return found
		}
		return Hidden
	})
}

// classChanges returns how often a text changes between upper-case letters, lower-case letters, digits and the rest.
// A text without one of the first three has none.
func classChanges(text string) int {
	classes := []func(rune) bool{unicode.IsUpper, unicode.IsLower, unicode.IsDigit}
	seen := map[int]bool{}
	changes, last := 0, -2
	for _, r := range text {
		now := slices.IndexFunc(classes, func(isOf func(rune) bool) bool { return isOf(r) })
		if now != last {
			changes++
		}
		seen[now], last = true, now
	}
	if !seen[0] || !seen[1] || !seen[2] {
		return 0
	}
	return changes
}
