// Package comment writes a comment on a pull request of GitHub or a merge request of GitLab, and updates that comment
// later instead of adding another one. It knows nothing of what the comment says.
package comment

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"lockstep/internal/fault"
)

// A Request is a pull request of GitHub or a merge request of GitLab, and how it is reached.
type Request struct {
	Service Service
	// API is the address of the service's API, without a slash at its end.
	API string
	// Repository is the repository's path: OWNER/NAME on GitHub, GROUP/NAME with any number of groups on GitLab.
	Repository string
	Number     int
	// Token may write comments. It reaches nothing but the address of the API, and no error.
	Token string
	// Transport sends requests; that of net/http by default.
	Transport http.RoundTripper
	// Wait waits for a time, unless the context ends before; a timer by default.
	Wait func(context.Context, time.Duration) error
}

// An Outcome is what became of a comment.
type Outcome string

// The outcomes.
const (
	Added     Outcome = "added"
	Updated   Outcome = "updated"
	Unchanged Outcome = "unchanged"
)

// marker returns the first line of the comment of a name, by which it is found again. Neither service shows it.
func marker(name string) string { return "<!-- lockstep: " + name + " -->\n" }

// Overhead returns how many bytes a comment of a name has besides its text.
func Overhead(name string) int { return len(marker(name)) }

// attempts is how often a comment is written after answers that may be others the next time.
const attempts = 4

// Write makes the text the comment of a name. It updates the comment with that name that the token's own user has
// written before, and adds one only if there is none. So it may be called again after any error. A comment of another
// user is never touched, whatever it says: its author could change it afterwards.
func (r Request) Write(ctx context.Context, name, text string) (Outcome, error) {
	body := marker(name) + text
	var err error
	for attempt := range attempts {
		var outcome Outcome
		if outcome, err = r.writeOnce(ctx, marker(name), body); err == nil {
			return outcome, nil
		}
		var failed *answerError
		if ctx.Err() != nil || errors.As(err, &failed) && !failed.isTemporary || attempt == attempts-1 {
			break
		}
		pause := time.Second << attempt
		if failed != nil && failed.retryAfter > 0 {
			pause = failed.retryAfter
		}
		if pause > maxPause {
			break
		}
		if waitErr := r.wait(ctx, pause); waitErr != nil {
			return "", waitErr
		}
	}
	return "", fmt.Errorf("the comment on %s cannot be written: %w", r, err)
}

// maxPause is the longest time that a limit on requests is waited for. GitHub asks for at least a minute.
const maxPause = 2 * time.Minute

// wait waits for a time.
func (r Request) wait(ctx context.Context, pause time.Duration) error {
	if r.Wait != nil {
		return r.Wait(ctx, pause)
	}
	over, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	<-over.Done()
	return ctx.Err()
}

// writeOnce finds the comment, and updates it or adds it. What a lost answer has added is found the next time.
func (r Request) writeOnce(ctx context.Context, mark, body string) (Outcome, error) {
	own, err := r.Service.author(ctx, r)
	if err != nil {
		return "", err
	}
	found, err := r.find(ctx, own, mark)
	if err != nil {
		return "", err
	}
	switch {
	case found == nil:
		return Added, r.call(ctx, http.MethodPost, r.Service.commentsPath(r), map[string]string{"body": body}, nil)
	case strings.TrimSpace(found.Body) == strings.TrimSpace(body):
		return Unchanged, nil
	}
	err = r.call(ctx, r.Service.updateMethod, r.Service.commentPath(r, found.ID), map[string]string{"body": body}, nil)
	var failed *answerError
	if errors.As(err, &failed) && failed.status == http.StatusNotFound {
		failed.isTemporary = true // somebody has deleted it in the meantime
	}
	return Updated, err
}

// A comment is one that a service lists. GitHub names its author by login, and GitLab by username.
type comment struct {
	ID     int64  `json:"id"`
	Body   string `json:"body"`
	System bool   `json:"system"`
	User   struct {
		Login string `json:"login"`
	} `json:"user"`
	Author struct {
		ID int64 `json:"id"`
	} `json:"author"`
}

// maxPages is how many pages of comments are read. Both services answer with up to 100 comments on each.
const maxPages = 100

// find returns the oldest comment of the author that begins with the mark; nil if there is none.
func (r Request) find(ctx context.Context, own author, mark string) (*comment, error) {
	for page := 1; page <= maxPages; page++ {
		var comments []comment
		hasNext, err := r.list(ctx, page, &comments)
		if err != nil {
			return nil, err
		}
		for _, c := range comments {
			// A service may store other line breaks than it was given.
			text := strings.ReplaceAll(c.Body, "\r\n", "\n")
			if own.wrote(c) && strings.HasPrefix(text, mark) {
				c.Body = text
				return &c, nil
			}
		}
		if !hasNext {
			return nil, nil //nolint:nilnil // none is an answer
		}
	}
	return nil, fault.Errorf(fault.ServiceRefused, "there are more than %d pages of comments: write to another request",
		maxPages)
}

// String returns the request in words.
func (r Request) String() string {
	return fmt.Sprintf("%s %d of %s", r.Service.noun, r.Number, r.Repository)
}
