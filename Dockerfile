# The production binary, alone: static, without the embedded Temporal server, run by nobody in particular.
#   docker build --build-arg VERSION=v1.2.3 -t rulebridge:v1.2.3 .
FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags production -ldflags "-s -w -X main.version=${VERSION}" -o /out/rulebridge . \
 && mkdir -p -m 0700 /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/rulebridge /rulebridge
# The folder of an SQLite store, for those who mount a volume there; with Elasticsearch nothing is written.
COPY --from=build --chown=65532:65532 /out/data /data
ENV RULEBRIDGE_DATA_DIR=/data HOME=/data
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["/rulebridge"]
CMD ["--help"]
