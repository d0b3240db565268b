package redact

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// secretWords are the parts of a name, in lower case and without separators, that say that its value is a secret.
var secretWords = []string{
	"passw", "passphrase", "passcode", "pwd", "kennwort", "secret", "token", "credential", "private", "apikey",
	"accesskey", "signingkey", "encryptionkey", "masterkey", "sharedkey", "accountkey", "sshkey", "authkey", "hmackey",
	"deploykey", "licensekey", "licencekey", "hostkey", "sessionkey", "bearer", "connectionstring", "privkey",
	"secretkey", "webhookurl", "otpseed",
}

// secretNames are whole names whose values are secrets.
var secretNames = []string{"auth", "authorization", "pass", "pat", "pin", "psk", "salt", "dsn", "jwt", "creds", "cred"}

// harmlessNames hold a secret word and no secret: settings of AWS resources that a reader of a plan compares.
var harmlessNames = []string{
	"httptokens", "maxtokens", "tokenbucket", "nexttoken", "generatesecretstring", "excludepunctuation", "generatesecret",
	"managemasteruserpassword", "secrettargetattachment", "olddirectory", "pwd", "oldpwd", "enabletokenrevocation",
	"secretstringtemplate", "kmsmasterkeyid",
}

// harmlessEndings are the last words of names that describe a secret, or name it, and are not one.
var harmlessEndings = []string{
	"arn", "arns", "name", "policy", "length", "type", "types", "enabled", "expiration", "expiry", "validity", "units",
	"rotation", "days", "hours", "minutes", "seconds", "age", "count", "required", "status", "version", "endpoint", "ttl",
	"rules", "limit", "quota", "usage", "mode", "duration", "lifetime", "timeout", "scopes", "algorithm", "description",
}

// networkWords follow "private" in the names of networks, which are no secrets.
var networkWords = []string{
	"subnet", "ip", "dns", "link", "network", "hosted", "zone", "endpoint", "address", "cidr", "route", "vpc", "domain",
	"registry", "access", "repository", "bucket", "load", "cluster", "nat",
}

// wordPattern matches a word of a name in camel case, snake case or kebab case.
var wordPattern = regexp.MustCompile(`[A-Z]+[a-z]*|[a-z]+|\d+`)

// isSecretName reports whether any segment of the path of a member says that its value is a secret.
func isSecretName(path string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(path, isPathSeparator), isSecretSegment)
}

func isPathSeparator(r rune) bool { return strings.ContainsRune("/.[]", r) }

func isSecretSegment(name string) bool {
	letters := lettersOf(name)
	words := wordsOf(name)
	switch {
	case len(words) == 0, slices.Contains(harmlessNames, letters):
		return false
	case slices.Contains(secretNames, letters):
		return true
	case slices.Contains(harmlessEndings, words[len(words)-1]):
		return false
	case strings.HasSuffix(letters, "pass") && !strings.HasSuffix(letters, "bypass") && letters != "compass":
		return true
	}
	if i := slices.Index(words, "private"); i >= 0 && i+1 < len(words) && isNetworkWord(words[i+1]) {
		letters = strings.Replace(letters, "private", "", 1)
	}
	return slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(letters, word) })
}

// lettersOf returns the letters and digits of a name in lower case.
func lettersOf(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// wordsOf returns the words of a name in lower case.
func wordsOf(name string) []string {
	words := wordPattern.FindAllString(name, -1)
	for i, word := range words {
		words[i] = strings.ToLower(word)
	}
	return words
}

func isNetworkWord(word string) bool {
	return slices.ContainsFunc(networkWords, func(network string) bool { return strings.HasPrefix(word, network) })
}
