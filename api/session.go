package api

import (
	"cmp"
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/rulebridge/rulebridge/config"
)

// PagePath is where the API is that only the page needs.
const PagePath = "/internal/rulebridge"

// Calls that read, although they are POSTs.
const (
	checkRoute = "/check"
	tryRoute   = "/try"
)

// onlyReads says whether a call changes nothing, although it is a POST.
func onlyReads(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL.Path == PagePath+checkRoute || r.URL.Path == PagePath+tryRoute)
}

// TemporalUI is where people look at workflows.
type TemporalUI struct {
	Address   string `json:"address"` // without a slash at its end
	Namespace string `json:"namespace"`
}

// registerPage lists the routes that the page needs and that are no migration's.
func (s *Server) registerPage(e *gin.Engine) {
	p := e.Group(PagePath, s.kibanaHeaders)
	p.GET("/session", handle(s, s.session))
	if s.Prebuilt != nil {
		p.GET("/prebuilt", handle(s, s.prebuilt))
	}
	if s.Checker != nil {
		p.POST(checkRoute, handle(s, s.check))
	}
	if s.Trier != nil && s.Settings.Features.SIEMMigrations {
		p.POST(tryRoute, handle(s, s.try))
	}
}

// GET /internal/rulebridge/session.

// sessionAnswer is what the page needs to know before it shows anything.
type sessionAnswer struct {
	User            sessionUser        `json:"user"`
	Auth            bool               `json:"auth"` // whether people have to log in
	Version         string             `json:"version"`
	CompilerVersion string             `json:"compiler_version"` // empty: this gateway has no compiler
	Features        sessionFeatures    `json:"features"`
	Connectors      []sessionConnector `json:"connectors"`
	Kibanas         []string           `json:"kibanas"`
	Elasticsearch   bool               `json:"elasticsearch"` // whether one is configured that queries can be run on
	Places          []sessionPlace     `json:"places"`
	TemporalUI      *TemporalUI        `json:"temporal_ui"`
}

type sessionUser struct {
	Name string `json:"name"`
	Role string `json:"role"`
}

type sessionFeatures struct {
	Migrations bool `json:"migrations"`
	Assistant  bool `json:"assistant"`
}

type sessionConnector struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
}

type sessionPlace struct {
	Name  string `json:"name"`
	Where string `json:"where"`
}

// session says who asks, what this gateway is and what it can do. It reads no store.
func (s *Server) session(ctx context.Context, _ *nothing) (sessionAnswer, error) {
	p := PrincipalOf(ctx)
	a := sessionAnswer{
		// Where nobody logs in, everybody may do everything.
		User: sessionUser{p.Name, cmp.Or(p.Role, config.RoleAdmin)}, Auth: s.guard.auth != nil, Version: s.Version,
		Features:   sessionFeatures{s.Settings.Features.SIEMMigrations, s.Settings.Features.AssistantRAG && s.Assistant != nil},
		Connectors: []sessionConnector{}, Kibanas: []string{}, Places: []sessionPlace{}, TemporalUI: s.TemporalUI, Elasticsearch: s.Cluster != nil,
	}
	if s.Compiler != nil {
		a.CompilerVersion = s.Compiler.Version
	}
	for _, c := range s.Settings.Connectors {
		a.Connectors = append(a.Connectors, sessionConnector(c))
	}
	if s.Installs != nil {
		a.Kibanas = append(a.Kibanas, s.Installs.Planner.Names()...)
	}
	for _, place := range s.Places {
		a.Places = append(a.Places, sessionPlace(place))
	}
	return a, nil
}
