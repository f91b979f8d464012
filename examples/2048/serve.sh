# Serves /www on port 80 of the container, and what the page shows about its task. Marathon's variables are missing elsewhere.
printf '{"task":"%s","version":"%s","address":"%s:%s"}\n' \
  "${MESOS_TASK_ID:-container}" "$MARATHON_APP_VERSION" "$HOST" "$PORT0" > /www/task.json
/bin/busybox httpd -f -p 80 -h /www &
# The first process of a container must see to its own end: without this, SIGTERM would be lost and every stop would last as
# long as its grace.
trap 'kill $!; exit 0' TERM INT
wait $!
