// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Dockerfiles hold them.
/** One build: a Dockerfile, the files that it is sent with, and further arguments of the client. */
export interface BuildCase {
  name: string;
  dockerfile: string;
  args?: string[];
  /** It changes no files: they need no comparison. */
  noFiles?: boolean;
}

/**
 * Dockerfiles that are built on the genuine dockerd and on ours. `base` is busybox; the context has
 * what `writeContext` writes.
 */
export const BUILDS: BuildCase[] = [
  { name: "from alone", noFiles: true, dockerfile: "FROM base\nENV A=1\n" },
  {
    name: "variables",
    dockerfile:
      'FROM base\nENV A=1 B="two words" C=th\\ ree\nENV OLD form of it\nENV A=$A$B D=${C:-x} ' +
      "E=${N:-none} F=${A:+set} G='$A'\nRUN echo \"$A|$B|$C|$D|$E|$F|$G|$OLD\" > /out\n",
  },
  {
    name: "arguments",
    dockerfile:
      "ARG TAG=latest\nARG OTHER\nFROM base:$TAG\nARG TAG\nARG V=own\n" +
      "ARG GIVEN=default\nARG OTHER\n" +
      "RUN echo $V $GIVEN $TAG $OTHER > /args\n" +
      "ENV KEPT=$GIVEN\nARG KEPT=not\nRUN echo $KEPT >> /args\n",
    args: ["--build-arg", "GIVEN=from client", "--build-arg", "OTHER=o"],
  },
  {
    name: "copies",
    dockerfile:
      "FROM base\nCOPY file /copied\nCOPY file /dir/\nCOPY tree /tree\nCOPY tree/ /tree2/\n" +
      "COPY file tree/sub/deep /many/\nCOPY tree/*.txt /globs/\nCOPY file* /w/\n" +
      "COPY link /linked\n" +
      'COPY ["with space", "/with space/"]\nCOPY . /all/\n',
  },
  {
    name: "over what is there",
    dockerfile:
      "FROM base\nRUN mkdir -p /t/sub /real && ln -s /real /link && echo old > /t/a.txt && " +
      "echo keep > /t/keep && ln -s /t/keep /t/sub/deep\nCOPY tree /t\nCOPY file /link/\n" +
      "COPY tree /link\nCOPY file /t/keep\n",
  },
  {
    name: "owners",
    dockerfile:
      "FROM base\nRUN echo 'app:x:1234:5678::/:/bin/sh' >> /etc/passwd && " +
      "echo 'app:x:4321:' >> /etc/group && echo 'grp:x:77:' >> /etc/group\n" +
      "COPY --chown=app file /a\nCOPY --chown=app:grp tree /b\nCOPY --chown=5 file /new/c\n" +
      "ADD --chown=6:7 file /d\nCOPY --chown=app:8 tree/sub /e/\n",
  },
  {
    name: "capabilities of files",
    dockerfile:
      "FROM base AS first\nADD capable.tar /unpacked\nCOPY capable /copied\n" +
      "ADD capable/ping /added\nCOPY --chown=5 capable /owned\nFROM base\n" +
      "COPY --from=first /unpacked /kept\nCOPY --from=first /unpacked/capable/ping /alone\n" +
      "COPY --from=first --chown=5 /unpacked /owned\nADD capable.tar /\n",
  },
  {
    name: "archives",
    dockerfile:
      "FROM base\nADD packed.tar /tar\nADD packed.tar.gz /gz/\nCOPY packed.tar.gz /kept/\n" +
      "ADD file /plain/\nADD tree /added\n",
  },
  {
    name: "working folders",
    dockerfile:
      "FROM base\nWORKDIR /a\nWORKDIR b/c\nENV D=/x\nWORKDIR $D/y\nWORKDIR ../z\nCOPY file .\n" +
      "COPY file sub/\nRUN pwd > here\nWORKDIR /a\n",
  },
  {
    name: "stages",
    dockerfile:
      "FROM base AS One\nRUN mkdir /made && echo one > /made/f && chown 9:9 /made/f\n" +
      "FROM base as two\nCOPY --from=one /made /from-name\nRUN echo two > /two\n" +
      "FROM scratch\nCOPY --from=0 /made/f /f\nCOPY --from=two /from-name/ /n/\n" +
      'COPY --from=base /bin/busybox /bin/sh\nCMD ["/bin/sh"]\n',
  },
  {
    name: "from a stage",
    dockerfile: "FROM base AS a\nENV S=a\nRUN echo a > /a\nFROM a\nRUN echo b$S > /b\n",
  },
  {
    name: "a target",
    dockerfile:
      "FROM base AS a\nRUN echo a > /a\nFROM a AS b\nRUN echo b > /b\nFROM b\nRUN false\n",
    args: ["--target", "B"],
  },
  {
    name: "commands",
    noFiles: true,
    dockerfile:
      'FROM base\nCMD echo shell form\nENTRYPOINT ["/bin/echo", "a \\"b\\""]\nCMD ["x", "y"]\n',
  },
  {
    name: "an entrypoint takes the command",
    noFiles: true,
    dockerfile: 'FROM base\nCMD ["kept"]\nENTRYPOINT exec top -b\n',
  },
  {
    name: "another shell",
    dockerfile:
      'FROM base\nSHELL ["/bin/sh", "-ec"]\nRUN echo e > /e\nCMD hi\nHEALTHCHECK CMD check it\n',
  },
  {
    name: "metadata",
    noFiles: true,
    dockerfile:
      'FROM base\nMAINTAINER Some One <one@example.com>\nLABEL a=1 "b c"="d e" f=${HOME:-no}\n' +
      "LABEL old form\nEXPOSE 80 443/tcp 53/udp 9000-9002\nENV P=1234\nEXPOSE $P\n" +
      'VOLUME /v1 /v2\nVOLUME ["/v3", "/v 4"]\nUSER 12:13\nSTOPSIGNAL SIGQUIT\n',
    args: ["--label", "from=client", "--label", "with=a $dollar"],
  },
  {
    name: "health",
    noFiles: true,
    dockerfile:
      "FROM base\nHEALTHCHECK --interval=1m30s --timeout=5s --start-period=2s --retries=4 " +
      'CMD ["/bin/true", "x"]\n',
  },
  {
    name: "no health",
    noFiles: true,
    dockerfile: "FROM base\nHEALTHCHECK CMD x\nHEALTHCHECK NONE\n",
  },
  {
    name: "continuation",
    dockerfile:
      "# a comment\nFROM base\nRUN echo one > /f && \\\n  # inside\n  echo two >> /f && \\\n\n" +
      "    echo three >> /f\nENV A=1 \\\n  B=2\n",
  },
  {
    name: "another escape",
    dockerfile: "# escape=`\nFROM base\nRUN echo a `\n  b > /f\nENV WIN=C:\\dir\n",
  },
  {
    name: "removals",
    dockerfile:
      "FROM base\nRUN mkdir -p /d/e && echo 1 > /d/e/f && echo 2 > /d/g\nRUN rm /d/g\n" +
      "RUN rm -r /d/e && mkdir /d/e && echo new > /d/e/n\nRUN chmod 700 /d && touch /d/x\n",
  },
  {
    name: "modes and links",
    dockerfile:
      "FROM base\nRUN echo s > /s && chmod 4755 /s && ln /s /hard && ln -s s /soft && " +
      "mkdir -m 1777 /sticky && mkfifo /pipe\nCOPY script /bin/\nRUN /bin/script > /ran\n",
  },
  {
    name: "a volume's content",
    dockerfile: "FROM base\nRUN mkdir /v && echo 1 > /v/a\nVOLUME /v\n",
  },
  {
    name: "a user",
    dockerfile:
      "FROM base\nRUN mkdir -m 777 /u\nUSER 5:6\nRUN id -u > /u/id\nWORKDIR /u/w\nCOPY file x\n",
  },
  {
    name: "destinations behind links",
    dockerfile:
      "FROM base\nRUN mkdir -p /q/file2/in && ln -s /q/f /u && ln -s /nowhere/x /t && " +
      "ln -s ../nowhere/y /d\nCOPY file /u\nCOPY file /t\nCOPY file /d/\nCOPY file2 /q/\n" +
      "WORKDIR /d/w\nCOPY tree .\n",
  },
  {
    name: "links as sources, and names with signs",
    dockerfile:
      "FROM base\nENV A=file\nCOPY link /l\nCOPY $A ${A}2 /v/\nCOPY fil? /w\n" +
      "COPY tr*/sub/d* /y/\n",
  },
  {
    name: "instructions without arguments",
    noFiles: true,
    dockerfile: "FROM base\nENTRYPOINT\nCMD\nSTOPSIGNAL 99\nONBUILD NOTHING of the kind\n",
  },
  {
    name: "directives, and what looks like one",
    dockerfile:
      "# syntax=any/thing:1\n# escape=\\\n# other=x\n# escape=`\nFROM base\n" +
      "RUN echo a \\\n  b > /f\nRUN cat <<EOF\n",
  },
  {
    name: "health over health",
    noFiles: true,
    dockerfile:
      "FROM base\nHEALTHCHECK --interval=5s --retries=2 CMD a\nHEALTHCHECK NONE\n" +
      'HEALTHCHECK CMD ["b"]\n',
  },
  {
    name: "arguments of platforms are BuildKit's",
    dockerfile:
      "ARG B=base\nARG C=$B\nFROM --platform=linux/amd64 ${C}\nARG TARGETPLATFORM\n" +
      'ARG TARGETARCH\nRUN echo "$TARGETPLATFORM $TARGETARCH $B" > /f\n',
  },
  {
    name: "a Dockerfile elsewhere",
    dockerfile: "FROM base\nCOPY . /here\n",
    args: ["-f", "tree/Other.dockerfile"],
  },
];

/** An image with triggers, and one that is built on it. */
export const TRIGGERS = [
  "FROM base\nONBUILD COPY file /triggered\nONBUILD RUN echo ran > /ran\nENV A=1\n",
  "FROM with-triggers\nRUN cat /ran > /copy\n",
];

/** What builds are refused with, by both in the same words. */
export const REFUSED: [string, string][] = [
  ["FROM base\nCOPY nothing /x\n", "COPY failed: "],
  ["FROM base\nCOPY nothing* /x\n", "COPY failed: no source files were specified"],
  ["FROM base\nCOPY file file2 /x\n", "the destination must be a directory and end with a /"],
  ["FROM base\nRUN exit 7\n", "The command '/bin/sh -c exit 7' returned a non-zero code: 7"],
  ['FROM base\nRUN ["/nothing"]\n', "/nothing"],
  ["FROM base\nFOO bar\n", "dockerfile parse error line 2: unknown instruction: FOO"],
  ["FROM base\nCOPY --chown=nobody-there file /x\n", "unable to convert uid/gid chown string"],
  ["FROM base\nEXPOSE 99999\n", "Invalid containerPort: 99999"],
  ["FROM base\nCOPY ../file /x\n", "outside the build context"],
  ["FROM base\nRUN --mount=type=cache,target=/x true\n", "requires BuildKit"],
  ["FROM base\nSTOPSIGNAL NOPE\n", "nvalid signal: NOPE"],
  ["FROM base AS a\nFROM base AS a\n", "a stage name already used"],
  ["FROM scratch\n", "No image was generated. Is your Dockerfile empty?"],
  ["FROM base\nENV A\n", "failed to parse Dockerfile: ENV must have two arguments"],
  ["FROM base\nENV A=1 B\n", "failed to parse Dockerfile: Syntax error - can't find = in"],
  ["FROM base\nRUN --mount=type=cache,target=/x true\n", "learn how to build images with BuildKit"],
  ["FROM base\nCOPY file\n", "requires at least two arguments, but only one was provided"],
  ["FROM base\nCOPY --from file /x\n", "line 2: Missing a value on flag: from"],
  ["FROM base\nCOPY --from=5 file /x\n", "invalid from flag value 5: index out of bounds"],
  ["FROM base\nRUN true\nWORKDIR\n", "line 3: WORKDIR requires exactly one argument"],
  ["FROM base\nHEALTHCHECK --interval=0 CMD x\n", "cannot be less than 1ms"],
  ["FROM base\nHEALTHCHECK NONE x\n", "HEALTHCHECK NONE takes no arguments"],
  ["FROM base\nONBUILD ONBUILD RUN x\n", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
  ["# escape=x\nFROM base\n", "failed to parse Dockerfile: invalid escape token 'x'"],
  ["# escape=`\n# escape=`\nFROM base\n", "only one escape parser directive can be used"],
  ["# nothing\n", "failed to parse Dockerfile: file with no instructions"],
  ["FROM --platform=a/b/c/d/e base\n", "failed to parse platform a/b/c/d/e: "],
];
