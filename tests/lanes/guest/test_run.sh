#!/bin/sh
# Runs the test files of /lane/test-list one by one, each with a time limit, and writes what they
# reported to the output disk after each, so that a machine that dies later loses nothing.
FILE_LIMIT_S=900
bun=$(echo /lane/node_modules/@oven/bun-linux-*/bin/bun)
out=/var/tmp/lane-results
mkdir -p "$out"
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
export NO_COLOR=1 CATENA_PROBE=/lane/probe
cd /lane || exit 1
while read -r file; do
  folder=$out/$(echo "$file" | tr / -)
  mkdir -p "$folder"
  timeout -k 10 $FILE_LIMIT_S $bun test "./$file" --timeout 300000 --reporter=junit \
    --reporter-outfile="$folder/junit.xml" < /dev/null > "$folder/output.log" 2>&1
  echo $? > "$folder/code"
  # Kept before it is shown: a console that nobody reads any more would hold this up.
  tar -C "$out" -cf /dev/vdc .
  sync
  cat "$folder/output.log"
done < /lane/test-list
dmesg > "$out/dmesg.log"
tar -C "$out" -cf /dev/vdc .
sync
