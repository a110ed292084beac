namespace BuildRunner.Core.Pipelines;

/// <summary>What each code of <see cref="DiagnosticCodes"/> is about, whatever the file: for lists of rules.</summary>
public static class DiagnosticTitles
{
    // By the code itself: one that is no longer used keeps its title.
    private static readonly Dictionary<string, string> Titles = new(StringComparer.Ordinal)
    {
        ["BR1001"] = "The file is larger than 256 KiB",
        ["BR1002"] = "The file is not UTF-8 text, or holds a NUL",
        ["BR1003"] = "The file is not YAML",
        ["BR1004"] = "The file holds a second document",
        ["BR1005"] = "Lists and mappings are nested too deeply",
        ["BR1006"] = "The file has too many nodes, aliases written out",
        ["BR1007"] = "An alias refers to nothing, or to what it is part of",
        ["BR1008"] = "A key occurs twice in one mapping",
        ["BR1009"] = "A YAML tag that pipelines do not have",
        ["BR1010"] = "A merge key (`<<`) whose value cannot be merged",
        ["BR1011"] = "A key that is not text",
        ["BR1012"] = "The file holds nothing, or is not a mapping",
        ["BR1020"] = "A key that does not exist there",
        ["BR1021"] = "A value of the wrong kind: a list where text is expected, and the like",
        ["BR1022"] = "A value that is none of those that are allowed",
        ["BR1023"] = "A number outside its range",
        ["BR1024"] = "A duration that cannot be read",
        ["BR1025"] = "A size that cannot be read",
        ["BR1026"] = "A glob pattern that cannot be read",
        ["BR1027"] = "An expression that cannot be read or evaluated",
        ["BR1028"] = "A substitution that cannot be read",
        ["BR1029"] = "A key that is required is absent",
        ["BR1030"] = "A value that must not be empty is empty",
        ["BR1031"] = "A name with characters it cannot have",
        ["BR1032"] = "A value that cannot be used, for the reason the message gives",
        ["BR1040"] = "A name that is used twice",
        ["BR1041"] = "A dependency on something that does not exist",
        ["BR1042"] = "Dependencies that form a circle",
        ["BR1043"] = "Keys that exclude each other",
        ["BR1045"] = "Too many steps in a workflow",
        ["BR1046"] = "Too many cells in a matrix",
        ["BR1047"] = "A matrix without cells",
        ["BR1048"] = "A reference to an output of a step that cannot have ended",
        ["BR1049"] = "Event data in a script for a program that is no shell",
        ["BR1050"] = "An input without a value, with a wrong one, or that does not exist",
        ["BR1051"] = "A value that is longer than an environment variable can be",
        ["BR1052"] = "A default that its input does not take",
        ["BR1101"] = "A form that still works and should be replaced",
        ["BR1102"] = "A key that is read and does nothing yet",
        ["BR1103"] = "A workflow depends on one that does not exist, and is left out",
        ["BR1104"] = "A step depends on one that does not run for this event, and is left out",
        ["BR1105"] = "A name that is used twice and was made unique",
        ["BR1106"] = "A value that replaces a built-in variable",
        ["BR1107"] = "A substitution of a name that nothing defines",
        ["BR1108"] = "Conditions of one list of which some name no event, and hold for every one",
        ["BR1109"] = "A step of a run names a secret that it would not get",
        ["BR1199"] = "There are more problems than are shown",
    };

    /// <summary>Every code that has a title.</summary>
    public static IEnumerable<string> Codes => Titles.Keys;

    /// <summary>The title: a phrase or sentence without a full stop.</summary>
    public static string Of(string code) => Titles.GetValueOrDefault(code, "A problem of a pipeline file");

    /// <summary>True if the code is one of warnings: the file can be used.</summary>
    public static bool IsWarning(string code) =>
        string.CompareOrdinal(code, DiagnosticCodes.Deprecated) >= 0 && code != DiagnosticCodes.TooManyProblems;
}
