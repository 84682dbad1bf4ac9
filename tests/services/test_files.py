"""Match files as people have them: every form of one set of matches reads as the same columns, and nothing is ever guessed."""

import gzip
import json

import pytest

from app.ratings.matches import from_microseconds
from tests.services.match_files import matches, read, refused

ABC = [("Ann", "Bob", 1.0), ("Bob", "Cy", 0.0), ("Cy", "Ann", 0.5)]
FORMS = {
    "ours": "first,second,outcome\nAnn,Bob,first\nBob,Cy,second\nCy,Ann,draw\n",
    "player_a": "played_at,player_a,player_b,outcome\n,Ann,Bob,a\n,Bob,Cy,b\n,Cy,Ann,draw\n",
    "player1": "Player 1,Player 2,Winner\nAnn,Bob,1\nBob,Cy,2\nCy,Ann,x\n",
    "team1 by name": "team1;team2;winner\nAnn;Bob;Ann\nBob;Cy;Cy\nCy;Ann;tie\n",
    "home and away": "home\taway\tresult\nAnn\tBob\tH\nBob\tCy\tA\nCy\tAnn\tD\n",
    "home scores": "date,home_team,away_team,home_score,away_score\n2024-01-01,Ann,Bob,2,1\n2024-01-01,Bob,Cy,0,1\n2024-01-01,Cy,Ann,3,3\n",
    "football-data": "Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR\n01/01/2024,Ann,Bob,2,1,H\n31/01/2024,Bob,Cy,0,1,A\n02/02/2024,Cy,Ann,3,3,D\n",
    "arena": "model_a,model_b,winner\nAnn,Bob,model_a\nBob,Cy,model_b\nCy,Ann,tie (bothbad)\n",
    "chess": "White,Black,Result\nAnn,Bob,1-0\nBob,Cy,0-1\nCy,Ann,1/2-1/2\n",
    "chess half": "white,black,result\nAnn,Bob,1-0\nBob,Cy,0–1\nCy,Ann,½-½\n",
    "chess winner": "white,black,winner\nAnn,Bob,white\nBob,Cy,black\nCy,Ann,draw\n",
    "opponent": "player,opponent,result\nAnn,Bob,win\nBob,Cy,loss\nCy,Ann,draw\n",
    "score": "name_a,name_b,score\nAnn,Bob,1\nBob,Cy,0\nCy,Ann,0.5\n",
    "score_a": "name_a,name_b,score_a,score_b\nAnn,Bob,11,7\nBob,Cy,7,11\nCy,Ann,7,7\n",
    "CRLF": "first,second,outcome\r\nAnn,Bob,first\r\n\r\nBob,Cy,second\r\nCy,Ann,draw",
    "BOM, spaces, quotes": '\ufeff"First", Second ,"Outcome"\n Ann , "Bob",first\n,,\nBob,Cy , Second\nCy,Ann,DRAW,,\n',
    "ndjson": '{"first": "Ann", "second": "Bob", "outcome": "first"}\n\n{"outcome": "second", "second": "Cy", "first": "Bob", "weight": 1}\n'
    '{"first": "Cy", "second": "Ann", "outcome": "draw", "neutral": null}\n',
    "ndjson foreign": '{"model_a": "Ann", "model_b": "Bob", "winner": "Ann"}\n{"model_a": "Bob", "model_b": "Cy", "winner": "model_b"}\n'
    '{"model_a": "Cy", "model_b": "Ann", "winner": "bothbad"}\n',
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_same_matches_reads_the_same(tmp_path, form, packed):
    content = FORMS[form].encode()
    file = read(tmp_path, gzip.compress(content) if packed else content)
    assert (matches(file), file.errors, file.error_count) == (ABC, [], 0)
    assert file.columns.weight == [1.0] * 3
    assert len({len(column) for column in (file.lines, *(getattr(file.columns, name) for name in file.columns.__slots__))}) == 1


@pytest.mark.parametrize("header", ["winner,loser", "date,Winner_Name,Loser-Name", "Losing Team,Winning Team"])
def test_winner_and_loser_are_no_sides_so_the_ground_is_neutral(tmp_path, header):
    row = {"winner": "Ann", "loser": "Bob", "date": "2024-02-29", "winnername": "Ann", "losername": "Bob", "winningteam": "Ann", "losingteam": "Bob"}
    cells = [row[name.casefold().replace("_", "").replace("-", "").replace(" ", "")] for name in header.split(",")]
    file = read(tmp_path, f"{header}\n{','.join(cells)}\n")
    assert matches(file) == [("Ann", "Bob", 1.0)]
    assert file.columns.neutral == [True]


def test_every_field_of_the_http_match_is_read_from_ndjson(tmp_path):
    match = {
        "match_id": "m/1",
        "first": "Ann",
        "second": "Zoë",
        "outcome": "second",
        "played_at": "2024-11-20T18:00:00+01:00",
        "weight": 2.5,
        "neutral": True,
    }
    match |= {"first_score": 7, "second_score": 11, "context": {"surface": "clay", "best_of": 3, "indoor": False}}
    columns = read(tmp_path, json.dumps(match)).columns
    assert columns.match_id == ["m/1"]
    assert (columns.first, columns.second, columns.score) == (["Ann"], ["Zoë"], [0.0])
    assert from_microseconds(columns.played_at[0]).isoformat() == "2024-11-20T17:00:00+00:00"
    assert (columns.weight, columns.neutral, columns.first_score, columns.second_score) == ([2.5], [True], [7.0], [11.0])
    assert columns.context == ['{"best_of":3.0,"indoor":false,"surface":"clay"}']


def test_home_1_means_the_first_is_at_home_and_home_0_neutral_ground(tmp_path):
    file = read(tmp_path, "player_a,player_b,outcome,home\nAnn,Bob,a,1\nAnn,Bob,a,0\nAnn,Bob,a,\n")
    assert file.columns.neutral == [False, True, False]


def test_the_neutral_column_of_international_football_is_read(tmp_path):
    content = "date,home_team,away_team,home_score,away_score,tournament,neutral\n1872-11-30,Scotland,England,0,0,Friendly,FALSE\n1873-03-08,England,Wales,4,2,Cup,TRUE\n"
    file = read(tmp_path, content)
    assert (file.columns.neutral, file.columns.score, file.columns.first_score) == ([False, True], [0.5, 1.0], [0.0, 4.0])
    assert file.ignored == ["tournament"]


def test_an_outcome_beside_scores_wins_and_the_scores_are_kept(tmp_path):
    file = read(tmp_path, "first,second,outcome,score_a,score_b\nAnn,Bob,second,3,1\nAnn,Bob,draw,,\n")
    assert (file.columns.score, file.columns.first_score, file.columns.second_score) == ([0.0, 0.5], [3.0, None], [1.0, None])


# --- mapping ---


def test_a_mapping_names_columns_that_no_one_could_guess(tmp_path):
    content = "quand;blancs;noirs;score final;terrain\n2024-05-01;Ann;Bob;blancs;clay\n;Bob;Ann;1/2;\n"
    mapping = {"first": "blancs", "second": "Noirs", "outcome": "score final", "played_at": "quand", "context.surface": "terrain"}
    file = read(tmp_path, content, mapping=mapping)
    assert matches(file) == [("Ann", "Bob", 1.0), ("Bob", "Ann", 0.5)]
    assert file.columns.context == ['{"surface":"clay"}', None]
    assert file.mapping == {"first": "blancs", "second": "noirs", "outcome": "score final", "played_at": "quand", "context.surface": "terrain"}


def test_a_context_column_is_a_number_only_where_it_is_a_plain_one(tmp_path):
    file = read(tmp_path, "first,second,outcome,x\nA,B,first,3\nA,B,first,007\nA,B,first,1234567890123456\n", mapping={"context.x": "x"})
    assert file.columns.context == ['{"x":3.0}', '{"x":"007"}', '{"x":"1234567890123456"}']


def test_a_field_mapped_to_nothing_is_switched_off(tmp_path):
    content = "team_a,team_b,winner,score_a,score_b,id\nAnn,Bob,,2,1,x\n"
    file = read(tmp_path, content, mapping={"winner": "", "match_id": ""})
    assert (matches(file), file.columns.match_id, file.ignored) == ([("Ann", "Bob", 1.0)], [None], ["winner", "id"])


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"first": "nobody", "second": "b"}, "The columns are “a”, “b”, “outcome”"),
        ({"frist": "a"}, "There is no field “frist”"),
        ({"first": "a"}, "Map both: --map first=… --map second=…"),
        ({"loser": "b"}, "without a winner"),
        ({"outcome": "outcome", "score": "a"}, "say the same"),
        ({"context.": "a"}, "Choose others"),
        ({f"context.{n}": "a" for n in range(33)}, "at most 32"),
    ],
)
def test_a_mapping_that_cannot_hold_is_refused_with_the_remedy(tmp_path, mapping, says):
    assert says in refused(tmp_path, "a,b,outcome\nAnn,Bob,a\n", mapping=mapping)


def test_a_name_that_no_line_of_ndjson_has_is_refused(tmp_path):
    line = '{"first": "Ann", "second": "Bob", "outcome": "draw"}\n'
    assert "“surface”" in refused(tmp_path, line * 3, mapping={"context.s": "surface"})
    file = read(tmp_path, line * 600 + line.replace("}", ', "surface": "clay"}'), mapping={"context.s": "surface"})
    assert file.columns.context[-2:] == [None, '{"s":"clay"}']


# --- ambiguity ---


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("first,second,outcome,date,timestamp\n", "--map played_at=date"),
        ("first,second,outcome,winner\n", "--map outcome=outcome"),
        ("player_a,player_b,home_team,away_team,outcome\n", "--map first=… --map second=…"),
        ("first,first,second,outcome\n", "rename a column"),
        ("first,second,outcome,outcome\n", "different names"),
        ("first,second,outcome,neutral,home\n", "--map neutral=neutral"),
        ("first,second,outcome,score_a,score_b,first_score,second_score\n", "--map first_score=…"),
        ("winner,loser,draw\nAnn,Bob,1\n", "may mark draws"),
        ("first,second\nAnn,Bob\n", "No column says who won"),
        ("team1,team2,home_score,away_score\nAnn,Bob,1,0\n", "No column says who won"),
        ("Ann,Bob,first\nBob,Ann,first\n", "the columns are “Ann”, “Bob”, “first”"),
        ("first,second,outcome\nAnn,Bob,1\nAnn,Bob,0\n", "--map score=outcome"),
        ("first,second,outcome,a\x1bb\n", "column 4"),
        ("first,second,outcome" + ",x" * 1000, "at most 1000"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_with_the_remedy(tmp_path, content, says):
    assert says in refused(tmp_path, content)


def test_an_outcome_mapped_beside_winner_and_loser_asks_for_the_sides(tmp_path):
    content = "winner,loser,how\nAnn,Bob,winner\nAnn,Bob,draw\n"
    assert "--map first=winner --map second=loser" in refused(tmp_path, content, mapping={"outcome": "how"})
    file = read(tmp_path, content, mapping={"outcome": "how", "first": "winner", "second": "loser"})
    assert file.columns.score == [1.0, 0.5]


def test_a_foreign_id_is_taken_only_where_it_is_the_only_one(tmp_path):
    assert read(tmp_path, "id,first,second,outcome\n7,A,B,first\n").columns.match_id == ["7"]
    assert read(tmp_path, "id,match_id,first,second,outcome\n7,m,A,B,first\n").columns.match_id == ["m"]
    two = read(tmp_path, "id,game_id,first,second,outcome\n7,8,A,B,first\n")
    assert (two.columns.match_id, two.ignored) == ([None], ["id", "game_id"])


def test_a_mapping_that_swaps_the_sides_does_not_swap_the_meaning_of_words(tmp_path):
    content = "home_team,away_team,home_score,away_score,ftr\nAnn,Bob,2,1,H\nAnn,Bob,2,1,home_team\nAnn,Bob,2,1,1-0\n"
    file = read(tmp_path, content, mapping={"first": "away_team", "second": "home_team"})
    assert matches(file) == [("Bob", "Ann", 0.0)]
    assert file.columns.first_score == [None]
    assert [error.line for error in file.errors] == [2, 4]


# --- the winner ---


@pytest.mark.parametrize("winner", ["", "Cy", "ann", "none", "model_x", "-", "both", "null", "3", "h", "white"])
def test_a_winner_that_is_no_side_is_a_bad_line_and_never_a_draw(tmp_path, winner):
    file = read(tmp_path, f"model_a,model_b,winner\nAnn,Bob,{winner}\nAnn,Bob,model_a\n")
    assert matches(file) == [("Ann", "Bob", 1.0)]
    (error,) = file.errors
    assert (error.line, error.column, error.field) == (2, "winner", "outcome")


def test_names_that_are_slot_words_are_read_as_the_rest_of_the_file_is(tmp_path):
    header = "player_a,player_b,winner\n"
    doubtful = "b,a,a\n"
    assert read(tmp_path, header + doubtful + "a,Cy,Cy\n").columns.score == [0.0, 0.0]
    assert read(tmp_path, header + doubtful + "Ann,Cy,b\n").columns.score == [1.0, 0.0]
    neither = read(tmp_path, header + doubtful + "a,b,a\n")
    assert (matches(neither), [error.line for error in neither.errors]) == ([("a", "b", 1.0)], [2])
    both = read(tmp_path, header + doubtful + "Ann,Cy,b\nAnn,Cy,Cy\n")
    assert (both.lines, [error.line for error in both.errors]) == ([3, 4], [2])


def test_a_competitor_called_Draw_stays_in_doubt_where_winners_go_by_name(tmp_path):
    header = "player_a,player_b,winner\nAnn,draw,draw\n"
    assert read(tmp_path, header + "Ann,Bob,Bob\n").errors[0].line == 2
    assert read(tmp_path, header + "Ann,Bob,b\n").columns.score == [0.5, 0.0]


def test_ids_as_names_are_read_by_name(tmp_path):
    file = read(tmp_path, "player1,player2,winner\n2,1,1\n7,0,0\n0,7,7\n2,7,draw\n")
    assert (file.columns.score, file.errors) == ([0.0, 0.0, 0.0, 0.5], [])


# --- dates that only the whole file can tell ---


def test_day_and_month_are_told_apart_where_the_file_makes_it_certain(tmp_path):
    def dates(*texts):
        file = read(tmp_path, "winner,loser,date\n" + "".join(f"Ann,Bob,{text}\n" for text in texts))
        return [moment if moment is None else str(from_microseconds(moment))[:16] for moment in file.columns.played_at]

    assert dates("05/11/2024", "31.12.2024 18:30", "") == ["2024-11-05 00:00", "2024-12-31 18:30", None]
    assert dates("05/11/2024", "12-31-2024", "2024-01-02") == ["2024-05-11 00:00", "2024-12-31 00:00", "2024-01-02 00:00"]
    assert dates("05/05/2024") == ["2024-05-05 00:00"]


@pytest.mark.parametrize(("dates", "says"), [(["05/11/2024"], "no other date"), (["31/12/2024", "12/31/2024"], "(line 2) and “12/31/2024” (line 3)")])
def test_dates_in_doubt_refuse_the_file(tmp_path, dates, says):
    assert says in refused(tmp_path, "winner,loser,date\n" + "".join(f"Ann,Bob,{date}\n" for date in dates))


def test_a_winner_and_a_loser_may_be_mapped_and_then_no_column_marks_draws(tmp_path):
    file = read(tmp_path, "w,l,draw,winner_score\nAnn,Bob,0,3\n", mapping={"winner": "w", "loser": "l"})
    assert (matches(file), file.ignored) == ([("Ann", "Bob", 1.0)], ["draw", "winner_score"])


def test_a_score_or_a_winner_may_be_mapped_beside_sides_that_are_known(tmp_path):
    content = "white,black,result,how\nAnn,Bob,1,Ann\nAnn,Bob,0,Bob\nAnn,Bob,0.5,draw\n"
    assert read(tmp_path, content, mapping={"score": "result"}).columns.score == [1.0, 0.0, 0.5]
    assert read(tmp_path, content, mapping={"winner": "how"}).columns.score == [1.0, 0.0, 0.5]


def test_the_ground_may_be_mapped(tmp_path):
    content = "first,second,outcome,where,neutral\nAnn,Bob,first,no,1\n"
    assert read(tmp_path, content, mapping={"home": "where"}).columns.neutral == [True]
    assert read(tmp_path, content, mapping={"neutral": "where"}).columns.neutral == [False]


def test_without_an_outcome_a_missing_score_is_a_bad_line(tmp_path):
    file = read(tmp_path, "home,away,home_goals,away_goals\nAnn,Bob,1,\nAnn,Bob,,1\nAnn,Bob,0,0\n")
    assert (file.columns.score, [(error.line, error.column) for error in file.errors]) == ([0.5], [(2, "away_goals"), (3, "home_goals")])


def test_a_mapped_column_that_is_there_twice_is_refused(tmp_path):
    assert "more than once" in refused(tmp_path, "first,second,outcome,x,X \n", mapping={"context.x": "x "})
