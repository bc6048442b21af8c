# Spans of the JSON access log, as OTLP has them in JSON (https://opentelemetry.io/docs/specs/otlp/, OTLP/HTTP): what
# can be sent as it is to /v1/traces of a collector. One request a line, for
#
#   tail -n 0 -F ACCESS-LOG | jq -c --unbuffered -f otlp-spans.jq
#
# A span for each line that a renderer has taken part in, or whose client keeps its trace; and one for each of its stages.
# Hits that nobody keeps a trace of have none: change the line that begins with `select` if they shall.

def text($key; $value): {key: $key, value: {stringValue: $value}};
def number($key; $value): {key: $key, value: {intValue: ($value | tostring)}};

# microseconds since 1970, which a number of jq holds exactly, to nanoseconds as text
def nano: tostring + "000";
def until_us: ((.time[0:19] + "Z" | fromdateiso8601) * 1000 + (.time[20:23] | tonumber)) * 1000;

def attributes:
  [ text("smartimg.id"; .id), text("smartimg.kind"; .kind),
    (select(.method) | text("http.request.method"; .method)),
    (select(.uri) | text("url.full"; "\(.scheme // "http")://\(.host // "")\(.uri)")),
    (select(.status) | number("http.response.status_code"; .status)),
    (select(.client) | text("client.address"; .client)),
    (select(.user_agent) | text("user_agent.original"; .user_agent)),
    (select(.bytes) | number("http.response.body.size"; .bytes)),
    (("cache", "class", "type", "tier", "load", "outcome", "recipe_hash") as $key
      | select(.[$key]) | text("smartimg." + $key; .[$key])),
    (("saved", "target", "score") as $key
      | select(.[$key]) | {key: ("smartimg." + $key), value: {doubleValue: .[$key]}}) ];

def span: until_us as $until
  | { traceId: .trace_id, spanId: .span_id, name: "smartimg \(.kind)", kind: (if .kind == "request" then 2 else 1 end),
      startTimeUnixNano: ($until - .took_ms * 1000 | nano), endTimeUnixNano: ($until | nano), attributes: attributes,
      status: (if (.status // 0) >= 500 then {code: 2} else {} end) }
    + if .parent_id then {parentSpanId: .parent_id} else {} end;

# They follow each other, from the begin of the request on.
def stages: . as $line | (until_us - .took_ms * 1000) as $from
  | [["queue", .queue_us], ["source", .source_us], ["render", .render_us], ["encode", .encode_us], ["score", .score_us]]
  | map(select(.[1])) | . as $all | range(length)
  | { traceId: $line.trace_id, parentSpanId: $line.span_id, spanId: "0\(. + 1)\($line.span_id[2:])", name: $all[.][0],
      kind: 1, startTimeUnixNano: ($from + ([$all[:.][][1]] | add // 0) | nano),
      endTimeUnixNano: ($from + ([$all[:. + 1][][1]] | add) | nano) };

select(.render_us or .sampled)
| {resourceSpans: [{ resource: {attributes: [text("service.name"; "smartimg")]},
    scopeSpans: [{scope: {name: "smartimg"}, spans: [span, stages]}] }]}
