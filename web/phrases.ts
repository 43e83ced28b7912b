/** CodeMirror's own words in the languages of the page, keyed as its documentation lists them. */
const KO: Record<string, string> = {
  "Control character": "제어 문자",
  "Selection deleted": "선택한 내용을 지웠다",
  "Folded lines": "접힌 줄",
  "Unfolded lines": "펼친 줄",
  to: "~",
  regexp: "정규식",
  "folded code": "접힌 내용",
  unfold: "펼치기",
  "Fold line": "줄 접기",
  "Unfold line": "줄 펼치기",
  "Go to line": "줄로 이동",
  go: "이동",
  Find: "찾기",
  Replace: "바꾸기",
  next: "다음",
  previous: "이전",
  all: "모두",
  "match case": "대소문자 구분",
  "by word": "단어 단위",
  replace: "바꾸기",
  "replace all": "모두 바꾸기",
  close: "닫기",
  "current match": "현재 결과",
  "replaced $ matches": "$곳을 바꾸었다",
  "replaced match on line $": "$번째 줄에서 바꾸었다",
  "on line": "줄",
  Completions: "완성 후보",
  Diagnostics: "진단",
  "No diagnostics": "진단 없음",
};

export function phrasesFor(lang: string | undefined): Record<string, string> {
  return lang?.toLowerCase().startsWith("ko") ? KO : {};
}
