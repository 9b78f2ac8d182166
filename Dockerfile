# Both binaries in an image with nothing else. The published images are made by ko: .ko.yaml.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
# A default would take the place of the platform that is asked for.
ARG TARGETOS TARGETARCH VERSION=v0.0.0 COMMIT DATE
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -tags=grpcnotrace -gcflags=github.com/antlr4-go/...=-l \
    -gcflags=cel.dev/cel-go/parser/...=-l -gcflags=github.com/goccy/...=-l \
    -o /out/ -ldflags "-s -w -funcalign=1 \
    -X github.com/spacekeeper/spacekeeper/internal/cli.version=$VERSION \
    -X github.com/spacekeeper/spacekeeper/internal/cli.commit=$COMMIT \
    -X github.com/spacekeeper/spacekeeper/internal/cli.date=$DATE" ./cmd/subscriber ./cmd/subscribe-setup

FROM scratch
COPY --from=build /out/ /usr/local/bin/
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --start-period=10s CMD ["/usr/local/bin/subscriber", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/subscriber"]
CMD ["run", "--config", "/etc/spacekeeper/spacekeeper.yaml"]
