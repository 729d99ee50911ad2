package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/review"
	"github.com/rulebridge/rulebridge/internal/store"
)

// maxReviewed is how many rules one call decides about.
const maxReviewed = 10_000

func (s *Server) registerReview(rules *gin.RouterGroup) {
	rules.PUT("/:id/rule", handle(s, s.editRule))
	rules.POST("/:id/rule/reset", handle(s, s.resetRule))
	rules.POST("/:id/rule/comments", handle(s, s.commentRule))
	rules.POST("/:id/review", handle(s, s.review))
}

// ruleIDKey is where a request keeps which rule it changes, for the log.
const ruleIDKey = "rule_id"

func ruleSubject(c *gin.Context) []zap.Field {
	if id := c.GetString(ruleIDKey); id != "" {
		return []zap.Field{zap.String("rule_id", clip(id, 64))}
	}
	return nil
}

// PUT /{id}/rule, POST /{id}/rule/reset and POST /{id}/rule/comments.

// changeRequest is a person's change of one rule.
type changeRequest struct {
	id       migrationID
	ruleID   string
	revision int64
}

// read reads the members that every change has, and hands the others on.
func (r *changeRequest) read(s *Server, c *gin.Context, more func(b *body, name string) (bool, error)) error {
	if err := r.id.bind(s, c); err != nil {
		return err
	}
	b := newBody(c.Request.Body, "")
	if err := b.expect('{', "", "an object with a rule_id"); err != nil {
		return err
	}
	err := b.object(func(name string) (bool, error) {
		var err error
		switch name {
		case "rule_id":
			r.ruleID, err = b.text(name, maxID, "")
			b.id = r.ruleID
		case "revision":
			r.revision, err = b.revision(name)
		default:
			return more(b, name)
		}
		return true, err
	})
	if err == nil {
		err = b.end()
	}
	if err == nil && r.ruleID == "" {
		err = b.fault("rule_id", "is missing; name the rule")
	}
	c.Set(ruleIDKey, r.ruleID)
	return err
}

// seen insists on the revision that the person saw.
func (r *changeRequest) seen() error {
	if r.revision == 0 {
		return badRequest("revision: is missing; send that of the rule as you saw it, so that nobody else's change is lost")
	}
	return nil
}

// revision reads a revision as a rule has it.
func (b *body) revision(field string) (int64, error) {
	n, err := b.number(field, 1, 1<<53)
	if err == nil && n != float64(int64(n)) {
		err = b.fault(field, "%g is no whole number", n)
	}
	return int64(n), err
}

type editRequest struct {
	changeRequest
	edit review.Edit
}

var (
	lengthForm = regexp.MustCompile(`^[1-9][0-9]{0,8}[smhd]$`)
	fromForm   = regexp.MustCompile(`^now(-[1-9][0-9]{0,8}[smhdwMy])?(/[smhdwMy])?$`)
	severities = []string{"low", "medium", "high", "critical"}
)

func (r *editRequest) bind(s *Server, c *gin.Context) error {
	err := r.read(s, c, func(b *body, name string) (bool, error) {
		if name != "elastic_rule" {
			return false, nil
		}
		if err := b.expect('{', name, "an object"); err != nil {
			return true, err
		}
		return true, b.object(func(key string) (bool, error) { return true, r.member(s, b, key) })
	})
	if err == nil {
		err = r.seen()
	}
	if err == nil && r.edit.None() {
		err = badRequest("elastic_rule: changes nothing; give query, title, description, severity, risk_score, interval or from")
	}
	return err
}

// member reads what the edit changes. A member that it cannot change is refused, so that nobody takes it for changed.
func (r *editRequest) member(s *Server, b *body, key string) error {
	l, field := s.Settings.Limits, "elastic_rule."+clip(key, 64)
	text := func(to **string, limit int, setting string) error {
		v, err := b.text(field, int64(limit), setting)
		*to = &v
		return err
	}
	e := &r.edit
	switch key {
	case "query":
		if err := text(&e.Query, int(l.Query), " (limits.query)"); err != nil || strings.TrimSpace(*e.Query) != "" {
			return err
		}
		return b.fault(field, "is empty; write a query, or reject the rule")
	case "title":
		if err := text(&e.Title, int(l.Title), " (limits.title)"); err != nil || strings.TrimSpace(*e.Title) != "" {
			return err
		}
		return b.fault(field, "is empty; a rule needs a title")
	case "description":
		return text(&e.Description, int(l.Description), " (limits.description)")
	case "severity":
		if err := text(&e.Severity, maxSmall, ""); err != nil || slices.Contains(severities, *e.Severity) {
			return err
		}
		return b.fault(field, "%q is not known; use %s", clip(*e.Severity, 32), strings.Join(severities, ", "))
	case "risk_score":
		n, err := b.integer(field, 0, 100)
		e.RiskScore = &n
		return err
	case "interval":
		if err := text(&e.Interval, maxSmall, ""); err != nil || lengthForm.MatchString(*e.Interval) {
			return err
		}
		return b.fault(field, "%q is no length of time; write 5m, 1h or 1d", clip(*e.Interval, 32))
	case "from":
		if err := text(&e.From, maxSmall, ""); err != nil || fromForm.MatchString(*e.From) {
			return err
		}
		return b.fault(field, "%q is no beginning; write now-10m, now-1h or now-1d/d", clip(*e.From, 32))
	}
	return b.fault(field, "cannot be changed; use query, title, description, severity, risk_score, interval or from")
}

func (s *Server) editRule(ctx context.Context, r *editRequest) (*oneRule, error) {
	return s.amend(ctx, r.changeRequest, func(rule *migration.Rule, w review.Who) error { return r.edit.Apply(rule, w) })
}

type resetRequest struct{ changeRequest }

func (r *resetRequest) bind(s *Server, c *gin.Context) error {
	if err := r.read(s, c, func(*body, string) (bool, error) { return false, nil }); err != nil {
		return err
	}
	return r.seen()
}

func (s *Server) resetRule(ctx context.Context, r *resetRequest) (*oneRule, error) {
	return s.amend(ctx, r.changeRequest, review.Reset)
}

type commentRequest struct {
	changeRequest
	message string
}

func (r *commentRequest) bind(s *Server, c *gin.Context) error {
	err := r.read(s, c, func(b *body, name string) (bool, error) {
		if name != "message" {
			return false, nil
		}
		var err error
		r.message, err = b.comment(s, name)
		return true, err
	})
	if err == nil && r.message == "" {
		err = badRequest("message: is missing or empty; write something")
	}
	return err
}

// comment reads a remark; blanks around it do not count.
func (b *body) comment(s *Server, field string) (string, error) {
	v, err := b.text(field, int64(s.Settings.Limits.Description), " (limits.description)")
	return strings.TrimSpace(v), err
}

func (s *Server) commentRule(ctx context.Context, r *commentRequest) (*oneRule, error) {
	return s.amend(ctx, r.changeRequest, func(rule *migration.Rule, w review.Who) error { return review.Comment(rule, r.message, w) })
}

// who is the person that makes a change now.
func (s *Server) who(ctx context.Context) review.Who {
	return review.Who{By: PrincipalOf(ctx).Name, At: s.Now().UTC()}
}

func (s *Server) amend(ctx context.Context, r changeRequest, change func(*migration.Rule, review.Who) error) (*oneRule, error) {
	w := s.who(ctx)
	rule, err := store.AmendOne(ctx, s.Store, string(r.id), store.Amendment{RuleID: r.ruleID, Revision: r.revision},
		func(rule *migration.Rule) error { return change(rule, w) })
	if err != nil {
		return nil, fmt.Errorf("changing rule %q: %w", clip(r.ruleID, 64), err)
	}
	s.lists.Put(string(r.id), rule)
	return one(rule), nil
}

// POST /{id}/review.

type decision struct {
	ruleID   string
	revision int64
	state    migration.ReviewState
}

type reviewRequest struct {
	id        migrationID
	decisions []decision
	comment   string
}

func (r *reviewRequest) bind(s *Server, c *gin.Context) error {
	if err := r.id.bind(s, c); err != nil {
		return err
	}
	b := newBody(c.Request.Body, "")
	if err := b.expect('{', "", "an object with rules"); err != nil {
		return err
	}
	err := b.object(func(name string) (bool, error) {
		var err error
		switch name {
		case "rules":
			err = b.list(name, maxReviewed, func(at string) error {
				d, err := b.decision(at)
				r.decisions = append(r.decisions, d)
				return err
			})
		case "comment":
			if !b.null() {
				r.comment, err = b.comment(s, name)
			}
		default:
			return false, nil
		}
		return true, err
	})
	if err == nil {
		err = b.end()
	}
	if err != nil {
		return err
	}
	if len(r.decisions) == 0 {
		return b.fault("rules", "is missing or empty; name at least one rule")
	}
	seen := make(map[string]bool, len(r.decisions))
	for _, d := range r.decisions {
		if seen[d.ruleID] {
			return b.fault("rules", "names rule %q twice", clip(d.ruleID, 64))
		}
		seen[d.ruleID] = true
	}
	return nil
}

func (b *body) decision(at string) (d decision, err error) {
	if err := b.expect('{', at, "an object"); err != nil {
		return d, err
	}
	err = b.object(func(name string) (bool, error) {
		var err error
		field := at + "." + clip(name, 64)
		switch name {
		case "rule_id":
			d.ruleID, err = b.text(field, maxID, "")
		case "revision":
			if !b.null() {
				d.revision, err = b.revision(field)
			}
		case "state":
			var state string
			if state, err = b.text(field, maxSmall, ""); err == nil && !slices.Contains(choices["review"], state) {
				err = b.fault(field, "%q is not known; use open, accepted or rejected", clip(state, 32))
			}
			d.state = migration.ReviewState(state)
		default:
			return false, nil
		}
		return true, err
	})
	switch {
	case err != nil:
	case d.ruleID == "":
		err = b.fault(at+".rule_id", "is missing; name the rule")
	case d.state == "":
		err = b.fault(at+".state", "is missing; use open, accepted or rejected")
	}
	return d, err
}

// reviewed says of each rule what became of it.
type reviewed struct {
	Changed []changedReview `json:"changed"`
	Refused []refusedReview `json:"refused"`
}

type changedReview struct {
	RuleID   string                `json:"rule_id"`
	Revision int64                 `json:"revision"`
	State    migration.ReviewState `json:"state"`
	Previous migration.ReviewState `json:"previous"`
}

type refusedReview struct {
	RuleID string `json:"rule_id"`
	Why    string `json:"why"`
	conflictBody
}

func (s *Server) review(ctx context.Context, r *reviewRequest) (*reviewed, error) {
	id, w := string(r.id), s.who(ctx)
	states := make(map[string]migration.ReviewState, len(r.decisions))
	amendments := make([]store.Amendment, len(r.decisions))
	for i, d := range r.decisions {
		states[d.ruleID], amendments[i] = d.state, store.Amendment{RuleID: d.ruleID, Revision: d.revision}
	}
	out := &reviewed{Changed: []changedReview{}, Refused: []refusedReview{}}
	err := s.Store.Amend(ctx, id, amendments, func(rule *migration.Rule) error {
		return review.Decide(rule, states[rule.ID], r.comment, w)
	}, func(a store.AmendResult) {
		if a.Err != nil {
			out.Refused = append(out.Refused, refusal(a.RuleID, a.Err))
			return
		}
		s.lists.Put(id, a.Now)
		out.Changed = append(out.Changed, changedReview{a.RuleID, a.Now.Revision, a.Now.ReviewState(), a.Was.ReviewState()})
	})
	switch {
	case err == nil:
	case len(out.Changed) == 0 || errors.Is(err, store.ErrNotFound):
		return nil, fmt.Errorf("reviewing rules: %w", err)
	default:
		// An error alone would not tell what is changed already, and that could not be taken back.
		s.Log.Error("a review broke off", zap.String("migration_id", id), zap.String("request_id", requestID(ctx)), zap.Error(err))
		out.refuseRest(r.decisions)
	}
	return out, nil
}

// refuseRest refuses the rules of which nothing was said.
func (o *reviewed) refuseRest(decisions []decision) {
	said := make(map[string]bool, len(decisions))
	for _, c := range o.Changed {
		said[c.RuleID] = true
	}
	for _, c := range o.Refused {
		said[c.RuleID] = true
	}
	for _, d := range decisions {
		if !said[d.ruleID] {
			o.Refused = append(o.Refused, refusedReview{RuleID: d.ruleID, Why: "the store did not answer any more; look at it again before you decide"})
		}
	}
}

func refusal(ruleID string, err error) refusedReview {
	out := refusedReview{RuleID: ruleID}
	var c *store.ConflictError
	why, refused := review.Refused(err)
	switch {
	case refused:
		out.Why = why
	case errors.As(err, &c):
		e := conflictOf(c)
		out.Why, out.conflictBody = e.Message, e.conflictBody
	case errors.Is(err, store.ErrNotFound):
		out.Why = "there is no such rule"
	case errors.Is(err, store.ErrUnreadable):
		out.Why = "its stored document cannot be read; translate the rule again (retry)"
	default:
		out.Why = "it could not be changed; try again"
	}
	return out
}

// conflictOf says what a person who saw an older state of a rule needs to know.
func conflictOf(c *store.ConflictError) *Error {
	e := conflict("the rule is being translated now; try again when that is done")
	if !c.Processing {
		e = conflict("the rule was changed by %s meanwhile; nothing was overwritten, look at it again", c.By)
	}
	at := c.At.UTC()
	e.conflictBody = conflictBody{By: c.By, At: &at, Revision: c.Revision}
	return e
}

// refusedChange is the answer to a change of one rule that cannot be made.
func refusedChange(why string) *Error {
	return &Error{Status: http.StatusConflict, Message: why}
}
