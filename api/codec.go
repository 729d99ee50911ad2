package api

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// Codec decrypts what the Temporal UI shows.
type Codec interface {
	Encode([]*commonpb.Payload) ([]*commonpb.Payload, error)
	Decode([]*commonpb.Payload) ([]*commonpb.Payload, error)
}

const (
	// codecPath is the codec server endpoint that is set in the Temporal UI.
	codecPath = "/codec"
	// maxCodecBody bounds what the UI sends at once; a page of a history is well below.
	maxCodecBody = 32 << 20
)

// transform serves decode or encode, in the form every Temporal codec server has. Both are writes for the guard: they
// need the role operator, and are audited.
func (s *Server) transform(c *gin.Context) {
	f := s.Codec.Decode
	switch c.Param("direction") {
	case "decode":
	case "encode":
		f = s.Codec.Encode
	default:
		s.fail(c, &Error{Status: http.StatusNotFound, Message: "there is nothing at this path; use " + codecPath + "/decode or " + codecPath + "/encode"})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxCodecBody))
	if err != nil {
		s.fail(c, fmt.Errorf("reading payloads: %w", err))
		return
	}
	var in commonpb.Payloads
	if err := protojson.Unmarshal(body, &in); err != nil {
		s.fail(c, badRequest("the body is not {\"payloads\": […]} as Temporal sends them"))
		return
	}
	out, err := f(in.GetPayloads())
	if err != nil {
		s.fail(c, badRequest("%s", err.Error()))
		return
	}
	answer, err := protojson.Marshal(&commonpb.Payloads{Payloads: out})
	if err != nil {
		s.fail(c, fmt.Errorf("writing payloads: %w", err))
		return
	}
	c.Header("Cache-Control", "no-store")
	c.Data(http.StatusOK, "application/json", answer)
}

// fromUI reports whether the configured Temporal UI calls the codec: the one call that a page of another origin may make.
func (g *guard) fromUI(r *http.Request) bool {
	return g.ui != "" && strings.HasPrefix(r.URL.Path, codecPath+"/") && r.Header.Get("Origin") == g.ui
}

// crossOrigin lets the Temporal UI read the codec's answers, and answers a browser that asks beforehand: such a request
// never carries credentials.
func (s *Server) crossOrigin(c *gin.Context) {
	if s.Codec == nil || !strings.HasPrefix(c.Request.URL.Path, codecPath+"/") {
		return
	}
	c.Writer.Header().Add("Vary", "Origin")
	if !s.guard.fromUI(c.Request) {
		return
	}
	c.Header("Access-Control-Allow-Origin", s.guard.ui)
	c.Header("Access-Control-Allow-Credentials", "true")
	if c.Request.Method != http.MethodOptions || c.GetHeader("Access-Control-Request-Method") == "" || !s.guard.knownHost(c.Request.Host) {
		return
	}
	secure(c.Writer.Header(), c.Request)
	c.Header("Access-Control-Allow-Methods", http.MethodPost)
	c.Header("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Namespace")
	c.Header("Access-Control-Max-Age", "600")
	c.AbortWithStatus(http.StatusNoContent)
}
